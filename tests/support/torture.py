"""Writers, a follower that is killed again and again, a directory that restarts: all at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ldap
from sqlalchemy import select

from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.journal.ingest.polling import LONG_AGO
from flask_gluu_changes.journal.ingest.service import ingest_job
from flask_gluu_changes.journal.tables import ENTRIES
from flask_gluu_changes.model import ChangesQuery
from flask_gluu_changes.visibility import Visibility
from tests.support.directory import config_of
from tests.support.directory_server import DirectoryServer
from tests.support.filling import SLAPD, Journal
from tests.support.people import PEOPLE_DN, SUFFIX, write_people_ldif
from tests.support.slapd import Slapd

from .markers import TOKEN_SECRET

START, STEP = datetime(2020, 1, 1, tzinfo=UTC), timedelta(seconds=60)
FOLLOW = [sys.executable, "-m", "flask", "--app", "benchmarks.app", "gluu-changes", "follow"]
PATIENCE = 120.0
PAUSE = threading.Event()  # is never set: what other processes do cannot be awaited


class Torture:
    """One run in a folder, with so many people in the directory.

    server: a slapd, unless told otherwise. journal: the URL of its database, a file of SQLite's.
    """

    def __init__(
        self, folder: Path, people: int, server: DirectoryServer | None = None, journal: str = ""
    ) -> None:
        self.journal = Journal(folder, journal)
        self.server = server or Slapd(folder / "slapd", extra=SLAPD)
        write_people_ldif(folder / "people.ldif", people, start=START, step=STEP)
        self.server.load(folder / "people.ldif")
        self.server.start()
        self._versions: dict[str, int] = {}

    def run(
        self, *, kills: int, restarts: int, seconds: float, halfway: Callable[[], None]
    ) -> None:
        """Let two writers write while everything else breaks, then wait until all is at rest."""
        begun = time.monotonic()
        with writing(self.server.uri, "1"), writing(self.server.uri, "2"):
            for i in range(kills):
                with self.following():
                    self.advance(until=begun + seconds * (i + 0.5) / kills)
                    if i % (kills // restarts) == 1:
                        self.server.restart()
                    if i == kills // 2:
                        halfway()
                    self.advance(until=begun + seconds * (i + 1) / kills)
        with self.following():
            self.await_rest()

    def end(self) -> None:
        """Stop the directory."""
        self.server.stop()
        self.journal.engine.dispose()

    def advance(self, until: float) -> None:
        """Wait for the next changes in the journal, and for a time."""
        head, deadline = self.journal.state().head, time.monotonic() + PATIENCE
        while self.journal.state().head == head or time.monotonic() < until:
            assert time.monotonic() < deadline, self.journal.state()
            self.check_versions()
            PAUSE.wait(0.05)

    def await_rest(self) -> None:
        """Wait until the journal holds what the directory does."""
        deadline = time.monotonic() + PATIENCE
        while not self.equal():
            assert time.monotonic() < deadline, self.difference()
            self.check_versions()
            PAUSE.wait(0.2)

    def check_versions(self) -> None:
        """G2: no identity's version ever goes back."""
        with self.journal.engine.begin() as connection:
            found = connection.execute(select(ENTRIES.c.id, ENTRIES.c.version))
            now = {row.id: row.version for row in found}
        assert [id_ for id_, version in self._versions.items() if now.get(id_, 0) < version] == []
        self._versions = now

    def equal(self) -> bool:
        """Tell whether the journal holds exactly what the directory does."""
        rows = self.alive()
        return rows == self.uuids(PEOPLE_DN) and self.journal.living() == self.dump()

    def difference(self) -> object:
        """Name what is not equal, for the reader of a failure."""
        ours, theirs = self.journal.living(), self.dump()
        odd = {i: (ours.get(i), theirs.get(i)) for i in ours.keys() | theirs.keys()}
        wrong = {i: pair for i, pair in odd.items() if pair[0] != pair[1]}
        return len(wrong), list(wrong.items())[:3], self.journal.state()

    def alive(self) -> set[str]:
        """Name the identities that are not removed."""
        return self._ids(ENTRIES.c.removed.is_(None))

    def wrongly_deleted(self) -> set[str]:
        """Name those that the journal calls deleted though they exist somewhere."""
        return self._ids(ENTRIES.c.removed == "deleted") & self.uuids(SUFFIX)

    def _ids(self, condition: object) -> set[str]:
        with self.journal.engine.begin() as connection:
            found = select(ENTRIES.c.id).where(condition)  # type: ignore[arg-type]
            return set(connection.scalars(found))

    def uuids(self, base: str) -> set[str]:
        """Ask the directory who is there."""
        connection = self.server.connect()
        asked = (base, ldap.SCOPE_SUBTREE, "(objectClass=gluuPerson)", ["entryUUID"])
        found = {entry["entryUUID"][0].decode() for _, entry in connection.search_s(*asked)}
        connection.unbind_s()
        return found

    def dump(self) -> dict[str, bytes]:
        """Read everybody through the backend, as the journal should show them."""
        config = config_of(self.server)
        backend = LdapBackend.from_config(config)
        encoder = ingest_job(config, backend).encoder
        query = ChangesQuery(LONG_AGO, excluded=Visibility.of().hidden)
        found = [encoder.encode("", entry) for entry in backend.changes(query)]
        backend.close()
        return {identity.inum: identity.body for identity in found}

    def environment(self) -> dict[str, str]:
        """Give the settings of the follower, and of whoever serves the journal."""
        own = {"JOURNAL_URL": self.journal.url, "FOLLOW_LEASE": "0.5", "FOLLOW_MAX_REMOVALS": "1"}
        config = {**config_of(self.server), **{f"GLUU_CHANGES_{k}": v for k, v in own.items()}}
        config["SECRET_KEY"] = TOKEN_SECRET
        return {f"FLASK_{key}": value for key, value in config.items()}

    @contextmanager
    def following(self) -> Iterator[None]:
        """Run the command, and end it with SIGKILL."""
        environment = os.environ | self.environment()
        log = (self.journal.folder / "follow.log").open("ab")
        with log, subprocess.Popen(FOLLOW, env=environment, stderr=log) as process:
            try:
                yield
            finally:
                process.kill()


@contextmanager
def writing(uri: str, seed: str) -> Iterator[None]:
    """Run a writer until the end of the block; it must not have failed."""
    command = [sys.executable, "-m", "tests.support.history", uri, seed]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        yield
        process.communicate()
    assert process.returncode == 0
