"""A journal under test, and a thread that fills it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import pytest
from sqlalchemy import Engine, event, select, update

from flask_gluu_changes.backend import Backend
from flask_gluu_changes.follower import SnapshotProgress, StopSignal
from flask_gluu_changes.journal.held import count_held
from flask_gluu_changes.journal.ingest.service import IngestService, ingest_job
from flask_gluu_changes.journal.layout import create
from flask_gluu_changes.journal.records import body_of
from flask_gluu_changes.journal.tables import (
    ENTRIES,
    METADATA,
    QUARANTINE,
    STATE,
    JournalState,
    engine_from_config,
    open_engine,
    read_state,
)
from flask_gluu_changes.journal.writer import Writer
from flask_gluu_changes.settings.journal import FollowSettings

PATIENCE = 30.0
SLAPD = (
    "overlay memberof\nmemberof-group-oc gluuGroup\nmemberof-member-ad member\n"
    "memberof-memberof-ad memberOf\noverlay syncprov\nsyncprov-sessionlog 10000\n"
)
"""The overlays of a slapd that can be followed."""


class Row(NamedTuple):
    """An identity as the journal has it; body is None for a removed one."""

    id: str
    version: int
    removed: str | None
    body: bytes | None


class Journal:
    """A journal in a file, or where a URL says."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.folder = folder
        self.url = url or f"sqlite:///{folder}/journal.db"
        self.engine: Engine = open_engine(self.url)
        create(self.engine)

    def rows(self) -> dict[str, Row]:
        """Read every identity, by its inum; a removed one does not hide a living one."""
        columns = [ENTRIES.c[n] for n in ("inum", "id", "version", "removed", "line")]
        with self.engine.begin() as connection:
            found = connection.execute(select(*columns).order_by(ENTRIES.c.removed.isnot(None)))
            rows: dict[str, Row] = {}
            for inum, id_, version, removed, line in found:
                rows.setdefault(
                    inum, Row(id_, version, removed, None if removed else body_of(line))
                )
        return rows

    def living(self) -> dict[str, bytes]:
        """Give the bodies of all who are not removed, by inum."""
        return {inum: row.body for inum, row in self.rows().items() if row.body is not None}

    def state(self) -> JournalState:
        """Read what the journal says of itself."""
        with self.engine.begin() as connection:
            return read_state(connection)

    def set(self, **values: Any) -> None:
        """Change the state by hand."""
        with self.engine.begin() as connection:
            connection.execute(update(STATE).values(values))

    def quarantined(self) -> list[str]:
        """List the ids of the entries that could not be written."""
        with self.engine.begin() as connection:
            return sorted(connection.scalars(select(QUARANTINE.c.id)))

    def held(self) -> int:
        """Count the removals that are held back."""
        with self.engine.begin() as connection:
            return count_held(connection)

    def omitted(self, inum: str) -> list[str]:
        """Give the names of what was left out of an entry."""
        wanted = select(ENTRIES.c.line).where(ENTRIES.c.inum == inum)
        with self.engine.begin() as connection:
            line = json.loads(connection.scalars(wanted).one())
        return list(line.get("@omitted", []))


class Filler:
    """Fills a journal in a thread, for as long as the block lasts."""

    def __init__(
        self,
        journal: Journal,
        backend: Backend,
        *,
        watcher: SnapshotProgress | None = None,
        **settings: Any,
    ) -> None:
        self.journal = journal
        self.stop = StopSignal(heartbeat_interval=0.2)
        self.error: BaseException | None = None
        config: dict[str, Any] = {f"GLUU_CHANGES_{k}": v for k, v in settings.items()}
        self.engine = engine_from_config({**config, "GLUU_CHANGES_JOURNAL_URL": journal.url})
        writer = Writer(self.engine, seconds=FollowSettings.load(config).follow_lease)
        self._loop = IngestService(
            writer, ingest_job(config, backend), watcher or SnapshotProgress()
        )
        self._committed = threading.Condition()
        event.listen(self.engine, "commit", self._note)
        self._thread = threading.Thread(target=self._run)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds, looking at each commit."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            if self.error is not None:
                raise self.error
            assert time.monotonic() < deadline, (self.journal.state(), self.journal.rows())
            with self._committed:
                self._committed.wait(0.02)  # the event comes just before the commit

    def built(self) -> None:
        """Wait until everybody was read."""
        self.until(lambda: self.journal.state().built)

    def crashed(self) -> BaseException | None:
        """Wait until it has ended by itself; return by what."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        return self.error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop.set()
        self._thread.join()
        self.stop.close()
        self.engine.dispose()

    def _run(self) -> None:
        try:
            self._loop.run(self.stop)
        except BaseException as error:
            self.error = error

    def _note(self, _: object) -> None:
        with self._committed:
            self._committed.notify_all()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A new journal."""
    made = Journal(tmp_path)
    yield made
    made.engine.dispose()


@pytest.fixture(params=["", "postgres", "mariadb"], ids=["sqlite", "postgres", "mariadb"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    """A new journal in each kind of database."""
    url = request.getfixturevalue(request.param).url if request.param else ""
    made = Journal(tmp_path, url)
    yield made
    METADATA.drop_all(made.engine)
    made.engine.dispose()
