"""Holds removals back where too many would go at once: the source may only seem to be empty.

An access rule that hides everybody, a base that was replaced and a replica without content look
like as many deletions.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from time import monotonic

from ..batch import WriteBatch
from ..records import Identity
from ..writer import Writer
from .report import SAY_EVERY

log = logging.getLogger(__name__)

ALL = 1.0
"""The share with which nothing is held back."""

SETTLING = 600.0
"""Seconds after the last return of somebody, after which the others count as gone."""


class RemovalLimit:
    """Decides which removals are written. share: of all people that may go in a short time."""

    def __init__(self, writer: Writer, share: float) -> None:
        self._writer = writer
        self._share = share
        self._number = 0
        self._returned_at: float | None = None
        self._holds = False
        self._said = 0
        self._said_at = 0.0

    def held(self) -> set[str]:
        """Return the ids of those whose removal is held back."""
        return {*self._writer.held()}

    def apply(self, batch: WriteBatch, coming: Iterable[Identity]) -> None:
        """Hold back those removals of a batch that are too many.

        coming: who will be written after it, and may be one of the removed under another id.
        """
        removals = batch.removals()
        if removals and self._share < ALL:
            written = (c for c in batch.changes.values() if isinstance(c, Identity))
            inums = {identity.inum for identity in (*written, *coming)} - {""}
            held = self._writer.to_hold(removals, inums, self._share)
            for id_, inum in held.items():
                batch.hold(id_, inum, removals[id_])

    def released(self) -> WriteBatch:
        """Return the removals that may go now: they were confirmed, or are no longer too many."""
        removals = self._removals() if self._writer.held() else {}
        self._number -= len(removals)  # these did not return
        self._said = 0 if removals else self._said  # who is still held back is news
        return WriteBatch(changes={**removals}, releases=True)

    def _removals(self) -> dict[str, str]:
        if self._share >= ALL:
            return {id_: held.reason for id_, held in self._writer.held().items()}
        settled = self._returned_at is not None and monotonic() - self._returned_at >= SETTLING
        return self._writer.released(settled=settled, share=self._share)

    def report(self) -> None:
        """Say how many are held back, when there are more, and that the last one no longer is."""
        number = len(self._writer.held())
        if number < self._number:
            self._returned_at = monotonic()
        self._number = number
        self._writer.meter.held(number)
        if number > self._said and (not self._said or monotonic() - self._said_at >= SAY_EVERY):
            self._holds, self._said, self._said_at = True, number, monotonic()
            log.error(
                "too many people are gone from the source at once, %d: their removal is held back;"
                " mend the source, or run `flask gluu-changes confirm-removals`",
                number,
            )
        elif self._holds and not number:
            self._holds, self._said, self._returned_at = False, 0, None
            log.info("no removal is held back any more")
