"""Which snapshot a later page is cut from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import TypeAlias

from .snapshot import Page, Snapshot

WalkKey: TypeAlias = tuple[str, datetime]
"""Who walks, and since when."""


@dataclass(eq=False)
class Walk:
    """One client on its way through a snapshot, and the offsets it may ask for again."""

    key: WalkKey
    snapshot: Snapshot
    progressed: float
    offsets: set[int] = field(default_factory=set)


class Walks:
    """The walks of one process: at most `limit`, each kept for `seconds` after its last progress.

    Several clients may walk from the same time even as the same caller: a page is cut from the walk
    that was served up to its offset, or else from the newest one.
    """

    def __init__(
        self, *, seconds: float, limit: int, clock: Callable[[], float] = monotonic
    ) -> None:
        self._seconds = seconds
        self._limit = limit
        self._clock = clock
        self._walks: list[Walk] = []
        self._lock = threading.Lock()

    def begin(self, key: WalkKey, snapshot: Snapshot) -> Walk:
        """Start a walk; where there are too many, the one that rested longest is dropped."""
        walk = Walk(key, snapshot, self._clock())
        with self._lock:
            self._drop_resting(self._limit - 1)
            self._walks.append(walk)
        return walk

    def find(self, key: WalkKey, start: int) -> Walk | None:
        """Give the walk that the page at this offset continues, if it is still kept."""
        with self._lock:
            self._drop_resting(self._limit)
            walks = [walk for walk in reversed(self._walks) if walk.key == key]
        return next((walk for walk in walks if start in walk.offsets), next(iter(walks), None))

    def advance(self, walk: Walk, start: int, size: int) -> Page:
        """Cut a page. Only new offsets keep a walk alive; a page behind its end forgets it.

        Else a client that waits at the end, or asks for one page again and again, would be shown
        the same snapshot for ever.
        """
        page = walk.snapshot.page(start, size)
        with self._lock:
            if start + size not in walk.offsets:
                walk.progressed = self._clock()
            walk.offsets.update((start, start + size))
            if not page.bodies and walk in self._walks:
                self._walks.remove(walk)
        return page

    def _drop_resting(self, room: int) -> None:
        oldest = self._clock() - self._seconds
        kept = sorted(
            (walk for walk in self._walks if walk.progressed > oldest),
            key=lambda walk: walk.progressed,
        )
        self._walks = kept[max(0, len(kept) - room) :]
