"""Writes what a follower tells, a batch at a time: large ones in a snapshot, else at once."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic

from ...follower import (
    Checkpoint,
    ContinuityLost,
    Deleted,
    DeleteUnmentioned,
    Event,
    Follower,
    SnapshotProgress,
    SnapshotStarted,
    Unchanged,
    Upserted,
)
from ..records import Identity, IdentityEncoder
from ..writer import DELETED, OUT_OF_SCOPE, WriteBatch, Writer

LARGEST = 1000
"""Changes in one transaction."""

CONFIRM_EVERY = 0.1
"""Seconds between two notes that there is nothing newer."""


class Ingester:
    """Takes in the events of one follower.

    A snapshot tells late who is missing. Whoever has a new inum is held back until then, for it may
    be that of somebody who is removed: a client that keys on inums must see the removal first. In
    an epoch that was never read there is nobody to see it.
    """

    def __init__(
        self,
        writer: Writer,
        encoder: IdentityEncoder,
        follower: Follower,
        progress: SnapshotProgress,
    ) -> None:
        self._writer = writer
        self._encoder = encoder
        self._follower = follower
        self._progress = progress
        self._batch = WriteBatch()
        self._committed = 0.0
        self._snapshot: SnapshotStarted | None = None
        self._holds = False
        self._held: dict[str, Identity] = {}
        self._known: dict[str, str] = {}
        self._seen: set[str] = set()
        self._present: set[str] = set()

    def consume(self, events: Iterable[Event]) -> None:
        """Write all that is told; ends when the events do, and raises what they raise."""
        for event in events:
            if isinstance(event, Upserted):
                self._put(event)
            else:
                self._handle(event)

    def _handle(self, event: Event) -> None:
        if isinstance(event, SnapshotStarted):
            self._begin(event)
        elif isinstance(event, Unchanged):
            self._present.update(event.ids)
        elif isinstance(event, Deleted):
            self._remove(event.ids)
        elif isinstance(event, DeleteUnmentioned):
            self._remove_unmentioned()
        elif isinstance(event, Checkpoint):
            self._reached(event)
        else:
            self._idle()

    def _put(self, event: Upserted) -> None:
        identity = self._encoder.encode(event.id, event.entry)
        if self._snapshot:
            self._seen.add(event.id)
        if self._holds and self._known.get(event.id) != identity.inum:
            self._held[event.id] = identity
        else:
            self._add(identity)

    def _add(self, identity: Identity) -> None:
        self._batch.put(identity)
        if len(self._batch.changes) >= LARGEST:
            self._commit()

    def _begin(self, snapshot: SnapshotStarted) -> None:
        self._snapshot = snapshot
        self._known = self._writer.inums()
        self._holds = self._writer.state().built
        if snapshot.complete:
            self._progress.started(self._follower)

    def _remove(self, ids: list[str]) -> None:
        outside = self._follower.outside(ids)
        for id_ in ids:
            self._batch.remove(id_, OUT_OF_SCOPE if id_ in outside else DELETED)
            self._seen.discard(id_)
            self._held.pop(id_, None)
            if len(self._batch.changes) >= LARGEST:
                self._commit()

    def _remove_unmentioned(self) -> None:
        """Prove first that the store and the journal speak of the same past."""
        strangers = self._present - self._known.keys() - self._seen
        if strangers:
            raise ContinuityLost(f"{len(strangers)} identities are called old that nobody knows")
        self._remove([*(self._known.keys() - self._seen - self._present)])

    def _reached(self, event: Checkpoint) -> None:
        if event.ends_snapshot:
            self._end_snapshot()
        self._batch.cookie = event.cookie
        if event.ends_snapshot:
            self._commit()
            self._forget_snapshot()

    def _end_snapshot(self) -> None:
        for identity in self._held.values():
            self._add(identity)
        self._batch.built = True

    def _forget_snapshot(self) -> None:
        self._progress.finished()
        self._snapshot, self._holds, self._held = None, False, {}
        self._known, self._seen, self._present = {}, set(), set()

    def _idle(self) -> None:
        """Write what there is; now and then, if it is nothing, that there is nothing newer."""
        if self._snapshot:
            self._writer.renew()
        elif self._batch != WriteBatch() or monotonic() - self._committed >= CONFIRM_EVERY:
            self._commit()

    def _commit(self) -> None:
        batch, self._batch = self._batch, WriteBatch()
        self._writer.commit(batch)
        self._committed = monotonic()
        if self._snapshot:
            self._progress.advanced(len(batch.changes))
