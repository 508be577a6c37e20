"""A follower that does what a test says, and an ingest service that follows it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from sqlalchemy import update

from flask_gluu_changes import (
    AttributeType,
)
from flask_gluu_changes.follower import (
    Checkpoint,
    Event,
    Follower,
    SnapshotProgress,
    SnapshotStarted,
    StopSignal,
    Upserted,
)
from flask_gluu_changes.journal.ingest.removal_limit import ALL
from flask_gluu_changes.journal.ingest.service import (
    IngestJob,
    IngestService,
)
from flask_gluu_changes.journal.records import IdentityEncoder
from flask_gluu_changes.journal.tables import (
    STATE,
    JournalState,
)
from flask_gluu_changes.journal.writer import Writer
from flask_gluu_changes.visibility import Visibility
from tests.support.journals import Journal, memory_engine
from tests.support.stopping import Stop

Step = Callable[[], Iterable[Event]]


class Script:
    """A follower that does in each try what the next step says; afterwards it is quiet."""

    source, level, why = "uuid by a test", "exact", "it is scripted"

    def __init__(self, *steps: Step) -> None:
        self._steps = iter(steps)
        self.cookies: list[str] = []
        self.closed = 0

    def events(self, cookie: str, stop: StopSignal) -> Iterator[Event]:
        """Do the next step."""
        self.cookies.append(cookie)
        try:
            yield from next(self._steps, lambda: ())()
            stop.wait(0)
        finally:
            self.closed += 1

    def doubted(self, cookie: str) -> str:
        """Mark it."""
        return cookie and f"{cookie}?"

    def present(self, ids: Collection[str]) -> set[str]:
        """Show nobody."""
        return set()

    def outside(self, ids: Iterable[str]) -> set[str]:
        """Name nobody."""
        return set()

    def read(self, ids: Collection[str] | None = None) -> Iterator[Upserted]:
        """Show nobody."""
        return iter(())

    def count(self) -> int | None:
        """Leave it open."""
        return None


class Told(SnapshotProgress):
    """Counts the listings that it hears of."""

    def __init__(self) -> None:
        self.started_with: list[Follower] = []

    def started(self, follower: Follower) -> None:
        self.started_with.append(follower)


class World:
    """A service with a scripted follower."""

    def __init__(self, *steps: Step, stop: int = 1, built: bool = True) -> None:
        self.journal = Journal(memory_engine(), built=built)
        self.journal.writer.release()
        self.set(source="")
        self.stop = Stop(stop)
        self.follower = Script(*steps)
        self.progress = Told()
        self.writer = Writer(self.journal.engine)
        encoder = IdentityEncoder((), lambda name: AttributeType.STRING, Visibility.of())
        self.checks = 0
        self.during_check: Callable[[], None] = lambda: None
        job = IngestJob(
            check=self.check,
            choose=lambda: self.follower,
            encoder=encoder,
            settings_digest="digest",
            retention_days=30,
            max_removals=ALL,
        )
        self.service = IngestService(self.writer, job, self.progress)

    def check(self) -> None:
        """Count how often the source is asked whether it can answer."""
        self.checks += 1
        self.during_check()

    def run(self) -> JournalState:
        """Run to the end; return the journal's state."""
        self.service.run(self.stop)
        return self.state()

    def state(self) -> JournalState:
        """Read the journal's state."""
        return self.journal.writer.state()

    def set(self, **values: Any) -> None:
        """Change the journal's state."""
        with self.journal.engine.begin() as connection:
            connection.execute(update(STATE).values(values))


def raising(error: Exception, *before: Event) -> Step:
    """Return a step that tells some events, and fails then."""

    def step() -> Iterator[Event]:
        yield from before
        raise error

    return step


LISTING: tuple[Event, ...] = (
    SnapshotStarted(complete=True),
    Upserted("a", {"inum": ["1"]}),
    Checkpoint("c1", ends_snapshot=True),
)
