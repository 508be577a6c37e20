"""A consumer that follows the feed over HTTP, and dies again and again between page and token.

    python -m tests.support.consumers FOLDER COUNT SEED HIGHER PORT...

keeps two replicas in the folder until the end of its standard input: one by `@id`, which takes no
version that it has had already, and one by inum. With a seed, processes that keep them end by
SIGKILL where the seed says: before a page is applied, in its middle, before its token is saved.
A version that goes back is an error; where HIGHER is yes, the higher one is kept, as the manual
says of databases that lose commits.
"""

from __future__ import annotations

import json
import logging
import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import count, cycle
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from flask_gluu_changes.client import (
    Batch,
    Change,
    ChangesClient,
    ChangesUnavailable,
    FileTokenStore,
)

from .apps import OPERATION
from .slapd import HOST

PAUSE = 0.02
"""Seconds between two runs."""

MEAN_LIFE = 60
"""Batches that a process applies before it dies, on average."""

TABLES = """
CREATE TABLE IF NOT EXISTS by_id (id TEXT PRIMARY KEY, version INTEGER, body TEXT, reason TEXT);
CREATE TABLE IF NOT EXISTS by_inum (inum TEXT PRIMARY KEY, id TEXT, body TEXT);
CREATE TABLE IF NOT EXISTS deed (name TEXT PRIMARY KEY, times INTEGER);
"""

People = dict[str, dict[str, list[Any]]]


class InTurns(httpx.HTTPTransport):
    """Sends each request to the next one of several ports."""

    def __init__(self, ports: Sequence[int]) -> None:
        super().__init__()
        self._ports = cycle(ports)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(host=HOST, port=next(self._ports))
        return super().handle_request(request)


class Replica:
    """What a consumer keeps in files; each change is kept at once, so that a crash leaves a part.

    perhaps_die: is called at each point at which a process may die. keeps_higher: whether a version
    that goes back is passed over.
    """

    def __init__(
        self,
        folder: Path,
        perhaps_die: Callable[[str], None] = lambda _: None,
        *,
        keeps_higher: bool = False,
    ) -> None:
        self._keeps_higher = keeps_higher
        self._database = sqlite3.connect(folder / "replica.db", isolation_level=None)
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.executescript(TABLES)
        self._store = FileTokenStore(folder / "token")
        self._perhaps_die = perhaps_die
        self._told: set[str] = set()

    def run(self, http: httpx.Client, page_size: int) -> None:
        """Apply everything that came since the token, or everybody; give up during an outage."""
        client = ChangesClient(
            f"http://{HOST}{OPERATION}", self._store, http=http, count=page_size, repetitions=0
        )
        try:
            for batch in client.drain():
                self._perhaps_die("before a page")
                self._apply(batch)
                self._perhaps_die("before its token")
                self._note("batches")
        except ChangesUnavailable:
            self._note("outages")

    def people(self) -> People:
        """Return everybody by `@id`."""
        return self._read("SELECT id, body FROM by_id WHERE body IS NOT NULL")

    def people_by_inum(self) -> People:
        """Return everybody by `@id`, as the replica knows them that is kept by inum."""
        return self._read("SELECT id, body FROM by_inum")

    def deleted(self) -> set[str]:
        """Return who was removed as deleted."""
        return {id_ for (id_,) in self._ask("SELECT id FROM by_id WHERE reason = 'deleted'")}

    def deeds(self) -> dict[str, int]:
        """Return what was done how often: batches, full readings, outages, deaths."""
        return dict(self._ask("SELECT name, times FROM deed"))

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _apply(self, batch: Batch) -> None:
        if batch.first:
            self._told.clear()
            self._note("full readings")
        middle = len(batch.changes) // 2
        for i, change in enumerate(batch.changes):
            if i == middle:
                self._perhaps_die("within a page")
            if not self._goes_back(change):
                self._apply_by_id(change)
                self._apply_by_inum(change)
        self._told.update(change.id for change in batch.changes)
        if batch.complete:
            self._forget_untold()

    def _goes_back(self, change: Change) -> bool:
        """Return whether a higher version is known, where that may be."""
        known = self._ask("SELECT version FROM by_id WHERE id = ?", change.id)
        goes_back = any(change.version < version for (version,) in known)
        assert self._keeps_higher or not goes_back, f"{change.id} goes back to {change.version}"
        return goes_back

    def _apply_by_id(self, change: Change) -> None:
        body = None if change.kind == "removed" else json.dumps(change.attributes, sort_keys=True)
        known = self._ask("SELECT version, body FROM by_id WHERE id = ?", change.id)
        for version, before in known:
            if change.version == version:
                assert before in (None, body), f"{change.id} has two contents at {version}"
                if before == body:
                    return
        row = (change.id, change.version, body, change.reason)
        self._ask("INSERT OR REPLACE INTO by_id VALUES (?, ?, ?, ?)", *row)

    def _apply_by_inum(self, change: Change) -> None:
        self._ask("DELETE FROM by_inum WHERE id = ?", change.id)  # it may have had another inum
        if change.kind == "removed":
            self._ask("DELETE FROM by_inum WHERE inum = ?", change.inum)
            return
        row = (change.inum, change.id, json.dumps(change.attributes))
        self._ask("INSERT OR REPLACE INTO by_inum VALUES (?, ?, ?)", *row)

    def _forget_untold(self) -> None:
        """Remove whoever was not in a full reading; it has no version for that."""
        for (id_,) in self._ask("SELECT id FROM by_id WHERE body IS NOT NULL"):
            if id_ not in self._told:
                self._ask("UPDATE by_id SET body = NULL, reason = '' WHERE id = ?", id_)
                self._ask("DELETE FROM by_inum WHERE id = ?", id_)

    def _note(self, deed: str) -> None:
        self._ask(
            "INSERT INTO deed VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET times = times + 1",
            deed,
        )

    def note_death(self) -> None:
        """Count a process that died."""
        self._note("deaths")

    def _ask(self, statement: str, *values: Any) -> list[Any]:
        return self._database.execute(statement, values).fetchall()

    def _read(self, statement: str) -> People:
        return {id_: json.loads(body) for id_, body in self._ask(statement)}


class Consumer:
    """A consumer as a process, until the end of the block or until its people are asked for.

    ports: of the nodes that it asks in turn. seed: of its deaths; without one it lives on.
    keeps_higher: whether versions that go back are passed over.
    """

    def __init__(
        self,
        folder: Path,
        *ports: int,
        page_size: int = 500,
        seed: str = "",
        keeps_higher: bool = False,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._page_size = page_size
        self._ports = ports
        self._keeps_higher = keeps_higher
        self._command = [sys.executable, "-m", __name__, str(folder), str(page_size), seed]
        self._command.append("yes" if keeps_higher else "no")
        self._process: subprocess.Popen[bytes] | None = None

    def caught_up(self) -> Replica:
        """End the process, read the feed to its end, and give what is kept."""
        self._end()
        replica = self.replica()
        with httpx.Client(transport=InTurns(self._ports), timeout=30) as http:
            replica.run(http, self._page_size)
        return replica

    def replica(self) -> Replica:
        """Give what is kept."""
        return Replica(self._folder, keeps_higher=self._keeps_higher)

    def __enter__(self) -> Self:
        command = [*self._command, *map(str, self._ports)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._end()
        elif self._process is not None:
            self._process.communicate()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.communicate()
            assert process.returncode == 0, f"a consumer ended with {process.returncode}"


def _keep(
    folder: Path, page_size: int, seed: str, ports: Sequence[int], *, keeps_higher: bool
) -> None:
    """Keep the replicas, in one process after the other, until the end of the standard input."""
    logging.disable()  # that nobody can be reached is no news here
    for number in count():
        child = os.fork()
        if not child:
            fate = _fate(f"{seed} {number}") if seed else lambda _: None
            _live(Replica(folder, fate, keeps_higher=keeps_higher), page_size, ports)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(os.waitstatus_to_exitcode(status))
        died = Replica(folder)
        died.note_death()
        died.close()


def _live(replica: Replica, page_size: int, ports: Sequence[int]) -> None:
    with httpx.Client(transport=InTurns(ports), timeout=30) as http:
        while not select.select([sys.stdin], [], [], 0)[0]:
            replica.run(http, page_size)
            time.sleep(PAUSE)


def _fate(seed: str) -> Callable[[str], None]:
    """Return what ends this process at the point, and the time it comes there, of a seed."""
    chance = random.Random(seed)
    place = chance.choice(["before a page", "within a page", "before its token"])
    left = count(-int(chance.expovariate(1 / MEAN_LIFE)))

    def perhaps_die(here: str) -> None:
        if here == place and next(left) >= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return perhaps_die


if __name__ == "__main__":
    _keep(
        Path(sys.argv[1]),
        int(sys.argv[2]),
        sys.argv[3],
        [*map(int, sys.argv[5:])],
        keeps_higher=sys.argv[4] == "yes",
    )
