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
from ..identities import Identity, IdentityEncoder
from ..writer import DELETED, OUT_OF_SCOPE, Batch, Writer

LARGEST = 1000
"""Changes in one transaction."""

CONFIRM_EVERY = 0.1
"""Seconds between two notes that there is nothing newer."""


class Ingester:
    """Takes in the events of one follower.

    A listing tells late who is missing. Whoever has a new inum is held back until then, for it may
    be that of somebody who is removed: a client that keys on inums must see the removal first. In
    an epoch that was never read there is nobody to see it.
    """

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
        self._holds = False
        self._held: dict[str, Identity] = {}
        self._known: dict[str, str] = {}
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
        identity = self._encoder.encode(event.id, event.entry)
        if self._listing:
            self._seen.add(event.id)
        if self._holds and self._known.get(event.id) != identity.inum:
            self._held[event.id] = identity
        else:
            self._add(identity)

    def _add(self, identity: Identity) -> None:
        self._batch.put(identity)
        if len(self._batch.changes) >= LARGEST:
            self._commit()

    def _begin(self, listing: Listing) -> None:
        self._listing = listing
        self._known = self._writer.inums()
        self._holds = self._writer.state().built
        if listing.whole:
            self._watcher.begins(self._follower)

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

    def _reached(self, event: Reached) -> None:
        if event.listed:
            self._end_listing()
        self._batch.cookie = event.cookie
        if event.listed:
            self._commit()
            self._forget_listing()

    def _end_listing(self) -> None:
        for identity in self._held.values():
            self._add(identity)
        self._batch.built = True

    def _forget_listing(self) -> None:
        self._watcher.ends()
        self._listing, self._holds, self._held = None, False, {}
        self._known, self._seen, self._present = {}, set(), set()

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
