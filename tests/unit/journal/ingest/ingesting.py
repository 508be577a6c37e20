"""An ingester that a test tells events, and a writer that notes what it commits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from flask_gluu_changes import AttributeType
from flask_gluu_changes.follower import (
    Event,
    Follower,
    SnapshotProgress,
    StopSignal,
    Upserted,
)
from flask_gluu_changes.journal.ingest.ingester import Ingester
from flask_gluu_changes.journal.ingest.removal_limit import ALL, RemovalLimit
from flask_gluu_changes.journal.limits import SizeLimits
from flask_gluu_changes.journal.records import Identity, IdentityEncoder
from flask_gluu_changes.journal.tables import JournalState
from flask_gluu_changes.journal.writer import WriteBatch, Writer
from flask_gluu_changes.visibility import Visibility
from tests.support.journals import Journal, memory_engine


class Told(SnapshotProgress):
    """Notes what it hears of a listing."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def started(self, follower: Follower) -> None:
        self.heard.append(follower)

    def advanced(self, number: int) -> None:
        self.heard.append(number)

    def finished(self) -> None:
        self.heard.append("end")


class Script:
    """A follower whose events a test gives.

    there: who is found where a snapshot did not name them. moved: who still exist outside of what
    is followed.
    """

    source, level, why = "uuid by a test", "exact", ""

    def __init__(self) -> None:
        self.there: set[str] = set()
        self.moved: set[str] = set()

    def events(self, cookie: str, stop: StopSignal) -> Iterator[Event]:
        """Tell nothing."""
        return iter(())

    def doubted(self, cookie: str) -> str:
        """Mark it."""
        return cookie and f"{cookie}?"

    def present(self, ids: Collection[str]) -> set[str]:
        """Show who is there."""
        return self.there & set(ids)

    def outside(self, ids: Iterable[str]) -> set[str]:
        """Name those who moved."""
        return self.moved & set(ids)

    def read(self, ids: Collection[str] | None = None) -> Iterator[Upserted]:
        """Show nobody."""
        return iter(())

    def count(self) -> int | None:
        """Leave it open."""
        return None


class Noting(Writer):
    """Notes what it commits, besides committing it."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal.engine)
        self.name = journal.writer.name
        self.batches: list[tuple[list[tuple[str, object]], str | None, bool | None]] = []
        self.renewed = 0

    def commit(self, batch: WriteBatch) -> int:
        told: list[tuple[str, object]]
        told = [(i, c.inum if isinstance(c, Identity) else c) for i, c in batch.changes.items()]
        self.batches.append((told, batch.cookie, batch.built))
        return super().commit(batch)

    def renew(self) -> None:
        self.renewed += 1
        super().renew()


class World:
    """An ingester, and all around it."""

    def __init__(
        self,
        *,
        built: bool = True,
        limits: SizeLimits = SizeLimits(),  # noqa: B008 -- it cannot change
        share: float = ALL,
        journal: Journal | None = None,
    ) -> None:
        self.journal = journal or Journal(memory_engine(), built=built)
        self.writer = Noting(self.journal)
        self.follower = Script()
        self.progress = Told()
        encoder = IdentityEncoder((), lambda name: AttributeType.STRING, Visibility.of(), limits)
        self.removal_limit = RemovalLimit(self.writer, share)
        parts = (self.writer, encoder, self.follower, self.progress, self.removal_limit)
        self.ingester = Ingester(*parts)

    def tell(self, *events: Event) -> list[Any]:
        """Give it some events; return what was committed since."""
        before = len(self.writer.batches)
        for event in events:
            self.ingester.handle(event)
        return self.writer.batches[before:]

    def state(self) -> JournalState:
        """Read the journal's state."""
        return self.journal.writer.state()


def seen(id_: str, inum: str = "") -> Upserted:
    """Tell of an entry, by its id and its inum."""
    return Upserted(id_, {"inum": [inum or f"i{id_}"], "uid": [id_]})
