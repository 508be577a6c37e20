"""Writers, followers, consumers and whoever serves the journal, all of them in trouble at once.

Once the writers are done and the journal says that nothing is newer, what consumers keep must be
what a search of the directory finds, at the first look.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from flask_gluu_changes.journal.tables import METADATA, JournalState
from tests.support import oracle
from tests.support.apps import OPERATION
from tests.support.consumers import Consumer
from tests.support.directory import config_of
from tests.support.filling import Journal
from tests.support.lines import Relay
from tests.support.nodes import Node
from tests.support.people import write_people_ldif
from tests.support.slapd import DEFAULT_INDEXES, HOST, Slapd
from tests.support.troubles import Ordeal, Site, Trouble

from .markers import TOKEN_SECRET

START, STEP = datetime(2020, 1, 1, tzinfo=UTC), timedelta(seconds=60)
FOLLOW = [sys.executable, "-m", "flask", "--app", "benchmarks.app", "gluu-changes", "follow"]
PATIENCE = 120.0
GAP = 0.3
"""Seconds in which writers write while no follower looks."""

HEALING = 20.0
"""Seconds after which a difference is said to be one for good."""

CUT_SECONDS = "8"
"""After which a line is given up that carries nothing any more."""

PAUSE = threading.Event()  # is never set: what other processes do cannot be awaited


class Torture:
    """One run in a folder, by a seed.

    server: a directory that was not started yet; a slapd of the site's, unless told otherwise.
    journal: the URL of its database, a file of SQLite's. lease: of followers, in seconds.
    """

    def __init__(
        self,
        folder: Path,
        site: Site,
        *,
        seed: str = "1",
        server: Any = None,
        journal: str = "",
        lease: float = 0.5,
    ) -> None:
        self.journal = Journal(folder, journal)
        self.server = server or _slapd(folder, site)
        self._site = site
        self._seed = seed
        self._lease = lease
        self._log = folder / "follow.log"
        self._followers: list[subprocess.Popen[bytes]] = []
        self._dump = ""
        self._lines: list[Relay] = []
        self._steps: list[int] = []
        write_people_ldif(folder / "people.ldif", site.people, start=START, step=STEP)
        self.server.load(folder / "people.ldif")
        self.server.start()

    def endure(self, ordeal: Ordeal) -> None:
        """Let everything happen that an ordeal holds, and compare; print what happened."""
        folder, page = self.journal.folder, max(7, self._site.people // 50)
        try:
            with (
                self._relayed(ordeal),
                Node(self.environment()) as node,
                Consumer(folder / "1", node.port, page_size=page, seed=f"{self._seed} 1") as one,
                Consumer(folder / "2", node.port, page_size=500, seed=f"{self._seed} 2") as two,
            ):
                self._run(ordeal, node)
                self.await_confirmation(node)
                for consumer in (one, two):
                    self.compare(consumer, goes_back=ordeal.goes_back)
        finally:
            self.end()

    def end(self) -> None:
        """Stop the directory, and empty a database that others use, too."""
        self.stop_following()
        self.server.stop()
        if self.journal.engine.dialect.name != "sqlite":  # a file stays, for whoever looks into it
            METADATA.drop_all(self.journal.engine)
        self.journal.engine.dispose()

    def follow(self, journal: str = "") -> None:
        """Start the command; if it runs already, one that waits to take over.

        journal: the URL by which it reaches the same database, if another one.
        """
        with self._log.open("ab") as log:
            environment = os.environ | self.environment(journal)
            self._followers.append(subprocess.Popen(FOLLOW, env=environment, stderr=log))

    def stop_following(self, among: str = "") -> None:
        """End the command by SIGKILL; it must not have ended by itself.

        among: words of which one is the process that is meant; else all are.
        """
        chosen = self.followers(among)
        self._followers = [p for p in self._followers if p not in chosen]
        ended = [process.poll() for process in chosen]
        for process in chosen:
            process.kill()
            process.wait()
        assert not any(code is not None for code in ended), self._log.read_text()[-2000:]

    def followers(self, among: str = "") -> list[subprocess.Popen[bytes]]:
        """Return the running commands; of them those whose processes are among some words."""
        return [p for p in self._followers if not among or str(p.pid) in among.split(".")]

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Let two writers write until the end of the block."""
        with ExitStack() as stack:
            for number in (1, 2):
                stack.enter_context(self._writer(f"{self._seed}-{number}"))
            yield

    def advance(self, until: float = 0.0) -> None:
        """Wait for the next change in the journal, and for a time."""
        head, deadline = self.state().head, time.monotonic() + PATIENCE
        while self.state().head == head or time.monotonic() < until:
            assert time.monotonic() < deadline, self.state()
            PAUSE.wait(0.05)

    def state(self) -> JournalState:
        """Read what the journal says of itself, once its database answers."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self.journal.state()
            except DBAPIError:  # a node of a cluster may not answer for a while after a trouble
                assert time.monotonic() < deadline
                PAUSE.wait(0.05)

    def compare(self, consumer: Consumer, *, goes_back: bool = False) -> None:
        """Compare what a consumer keeps with the directory, once it has read to the end."""
        begun, first = time.monotonic(), self._difference(consumer)
        wait = PATIENCE if self._site.silent else HEALING
        found = first
        while found and time.monotonic() < begun + wait:
            PAUSE.wait(0.5)
            found = self._difference(consumer)
        if found or (first and not self._site.silent):
            healed = "for good" if found else f"for {time.monotonic() - begun:.1f} s"
            raise AssertionError("\n".join([f"seed {self._seed}: {healed}", *(found or first)]))
        if not goes_back:  # else somebody may have been deleted before he was moved away
            assert consumer.replica().deleted() & oracle.uuids(self.server) == set()
        print(f"seed {self._seed}: {self._steps} steps, {consumer.replica().deeds()}")

    def environment(self, journal: str = "") -> dict[str, str]:
        """Give the settings of the follower, and of whoever serves the journal.

        journal: the URL by which they reach the same database, if another one.
        """
        url = journal or self.journal.url
        own = {"JOURNAL_URL": url, "FOLLOW_LEASE": f"{self._lease}", "FOLLOW_MAX_REMOVALS": "1"}
        own |= {"LDAP_COMPARE_INTERVAL": "1"} if self._site.silent else {}
        if self._lines:
            own |= self._by_relays()
        config = {**config_of(self.server), **{f"GLUU_CHANGES_{k}": v for k, v in own.items()}}
        config["SECRET_KEY"] = TOKEN_SECRET
        return {f"FLASK_{key}": value for key, value in config.items()}

    @contextmanager
    def _relayed(self, ordeal: Ordeal) -> Iterator[None]:
        """Have followers and web servers reach the directory and the journal by relays."""
        ports = [urlsplit(self.server.uri).port]
        if self.journal.engine.dialect.name != "sqlite":
            ports.append(self.journal.engine.url.port)
        with ExitStack() as stack:
            if ordeal.cuts:
                self._lines = [stack.enter_context(Relay(port)) for port in ports if port]
            yield

    def _by_relays(self) -> dict[str, str]:
        """Return the settings that lead to the relays, with time-outs that are soon over."""
        directory, *journal = self._lines
        waits = {f"{of}_OPERATION_TIMEOUT": CUT_SECONDS for of in ("LDAP", "JOURNAL")}
        uris = {"LDAP_URI": f"ldap://{HOST}:{directory.port}"}
        for line in journal:
            url = make_url(self.journal.url).set(host=HOST, port=line.port)
            uris["JOURNAL_URL"] = url.render_as_string(hide_password=False)
        return {**waits, **uris}

    def _cut(self, *, new_lines: bool) -> None:
        """Have all lines lose what they carry, and new ones for some seconds as well."""
        for line in self._lines:
            line.drop()
        if new_lines:
            for line in self._lines:
                line.stall(0)
            PAUSE.wait(float(CUT_SECONDS) / 2)
            for line in self._lines:
                line.stall(None)

    def _run(self, ordeal: Ordeal, node: Node) -> None:
        print(f"seed {self._seed}: {self._site} {ordeal}")
        with self.writing():
            self.follow()
            self.advance()
            begun = time.monotonic()
            for trouble in ordeal.schedule(self._seed):
                PAUSE.wait(max(0.0, begun + trouble.at - time.monotonic()))
                self._befall(trouble, node)
                self.advance()
            self.advance(until=begun + ordeal.seconds)

    def _befall(self, trouble: Trouble, node: Node) -> None:
        """Let one thing happen; a follower runs afterwards."""
        away = trouble.follower_away or trouble.kind == "kills"
        if away:
            self.stop_following()
        self._strike(trouble, node)
        if away:
            PAUSE.wait(GAP if trouble.follower_away else 0)
            self.follow()

    def _strike(self, trouble: Trouble, node: Node) -> None:
        match trouble.kind:
            case "nodes":
                node.restart()
            case "crashes":
                self.server.kill()
                self.server.start()
            case "restarts":
                self.server.restart()
            case "clocks":
                self.server.stop()
                self.server.set_clock(trouble.clock)
                self.server.start()
            case "cuts":
                self._cut(new_lines=trouble.follower_away)
            case "dumps":
                self._dump = self.server.dump()
            case "restores":
                self.server.stop()
                self.server.restore(self._dump)
                self.server.start()

    def await_confirmation(self, node: Node) -> None:
        """Wait until the journal says that it holds all that was written before now."""
        quiet, url = datetime.now(UTC), f"http://{HOST}:{node.port}{OPERATION}/status"
        deadline = time.monotonic() + PATIENCE
        while _moment((status := httpx.get(url).json())["confirmedAt"]) <= quiet:
            assert time.monotonic() < deadline, status
            PAUSE.wait(0.05)
        assert status["built"]
        assert status["quarantined"] == 0
        assert status["level"] == "exact"

    def _difference(self, consumer: Consumer) -> list[str]:
        replica, directory = consumer.caught_up(), oracle.everybody(self.server)
        by_id, by_inum = replica.people(), replica.people_by_inum()
        replica.close()
        kept = {"id": by_id, "inum": by_inum}
        found = {name: oracle.difference(people, directory) for name, people in kept.items()}
        return [f"by {name}: {line}" for name, lines in found.items() for line in lines]

    @contextmanager
    def _writer(self, seed: str) -> Iterator[None]:
        """Run a writer until the end of the block; it must not have failed."""
        command = [sys.executable, "-m", "tests.support.history", self.server.uri, seed]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield
            finally:
                printed, _ = process.communicate()
        assert process.returncode == 0
        self._steps.append(int(printed))


def _moment(text: str | None) -> datetime:
    """Read a time of the status; before everybody was read there is none."""
    return datetime.fromisoformat(text) if text else START


def _slapd(folder: Path, site: Site) -> Slapd:
    indexes = (*DEFAULT_INDEXES, "entryCSN eq")
    return Slapd(folder / "slapd", indexes=indexes, extra=site.overlays)
