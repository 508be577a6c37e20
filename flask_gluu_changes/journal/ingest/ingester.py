"""Writes what a follower tells, a batch at a time: large ones in a listing, else at once."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic

from ...following import (
    ContinuityLost,
    Event,
    Follower,
    Gone,
    Listing,
    Present,
    Reached,
    Seen,
    Unmentioned,
    Watcher,
)
from ..identities import IdentityEncoder
from ..writer import DELETED, OUT_OF_SCOPE, Batch, Writer

LARGEST = 1000
"""Changes in one transaction."""

CONFIRM_EVERY = 0.1
"""Seconds between two notes that there is nothing newer."""


class Ingester:
    """Takes in the events of one follower."""

    def __init__(
        self,
        writer: Writer,
        encoder: IdentityEncoder,
        follower: Follower,
        watcher: Watcher,
    ) -> None:
        self._writer = writer
        self._encoder = encoder
        self._follower = follower
        self._watcher = watcher
        self._batch = Batch()
        self._committed = 0.0
        self._listing: Listing | None = None
        self._known: set[str] = set()
        self._seen: set[str] = set()
        self._present: set[str] = set()

    def take(self, events: Iterable[Event]) -> None:
        """Write all that is told; ends when the events do, and raises what they raise."""
        for event in events:
            if isinstance(event, Seen):
                self._put(event)
            else:
                self._handle(event)

    def _handle(self, event: Event) -> None:
        if isinstance(event, Listing):
            self._begin(event)
        elif isinstance(event, Present):
            self._present.update(event.ids)
        elif isinstance(event, Gone):
            self._remove(event.ids)
        elif isinstance(event, Unmentioned):
            self._remove_unmentioned()
        elif isinstance(event, Reached):
            self._reached(event)
        else:
            self._idle()

    def _put(self, event: Seen) -> None:
        self._batch.put(self._encoder.encode(event.id, event.entry))
        if self._listing:
            self._seen.add(event.id)
        if len(self._batch.changes) >= LARGEST:
            self._commit()

    def _begin(self, listing: Listing) -> None:
        self._listing = listing
        self._known = self._writer.ids()
        if listing.whole:
            self._watcher.begins(self._follower)

    def _remove(self, ids: list[str]) -> None:
        outside = self._follower.outside(ids)
        for id_ in ids:
            self._batch.remove(id_, OUT_OF_SCOPE if id_ in outside else DELETED)
            self._seen.discard(id_)
            if len(self._batch.changes) >= LARGEST:
                self._commit()

    def _remove_unmentioned(self) -> None:
        """Prove first that the store and the journal speak of the same past."""
        strangers = self._present - self._known - self._seen
        if strangers:
            raise ContinuityLost(f"{len(strangers)} identities are called old that nobody knows")
        self._remove([*(self._known - self._seen - self._present)])

    def _reached(self, event: Reached) -> None:
        self._batch.cookie = event.cookie
        if event.listed:
            self._batch.built = True
            self._commit()
            self._listing = None
            self._known, self._seen, self._present = set(), set(), set()
            self._watcher.ends()

    def _idle(self) -> None:
        """Write what there is; now and then, if it is nothing, that there is nothing newer."""
        if self._listing:
            self._writer.renew()
        elif self._batch != Batch() or monotonic() - self._committed >= CONFIRM_EVERY:
            self._commit()

    def _commit(self) -> None:
        batch, self._batch = self._batch, Batch()
        self._writer.commit(batch)
        self._committed = monotonic()
        if self._listing:
            self._watcher.read(len(batch.changes))
