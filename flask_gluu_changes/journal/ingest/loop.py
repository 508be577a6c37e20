"""The life of an ingester: wait for the lease, follow, try again after failures, let go."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from time import monotonic

from ...errors import BackendUnavailable
from ...following import Bell, ContinuityLost, Event, Follower, Idle, Listing, Seen, Watcher
from ..identities import IdentityEncoder
from ..state import now
from ..writer import SECOND, LeaseLost, Writer
from .ingester import Ingester

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0
"""Seconds between two tries while the source cannot be reached, doubled each time."""

PRUNE_EVERY = 600.0
"""Seconds between two looks for what is too old to be kept."""


@dataclass(frozen=True)
class Job:
    """What to follow, and how it is written.

    choose: gives the way to follow the source, asked before each try. view: names all that decides
    how an entry is written, besides the entry. kept_days: how long removals are remembered.
    """

    choose: Callable[[], Follower]
    encoder: IdentityEncoder
    view: str
    kept_days: float


class Loop:
    """One process's part in filling a journal; of several, the others wait."""

    def __init__(self, writer: Writer, job: Job, watcher: Watcher) -> None:
        self._writer = writer
        self._job = job
        self._watcher = watcher
        self._wait = FIRST_WAIT
        self._pruned: float | None = None
        self._waits = False

    def run(self, bell: Bell) -> None:
        """Follow until the bell rings; the lease is given back in any case."""
        try:
            while not bell.rung:
                if self._writer.acquire():
                    self._waits = False
                    self._follow(bell)
                else:
                    self._wait_for_lease(bell)
        finally:
            self._writer.release()

    def _wait_for_lease(self, bell: Bell) -> None:
        if not self._waits:
            log.info("another process fills the journal; this one waits to take over")
        self._waits = True
        bell.wait(min(bell.beat, 1.0))

    def _follow(self, bell: Bell) -> None:
        try:
            self._follow_once(bell)
        except LeaseLost as error:
            log.warning("%s", error)
        except ContinuityLost as error:
            log.warning("a new epoch begins: %s", error)
            self._writer.begin_epoch()
        except BackendUnavailable as error:
            log.warning("%s; trying again in %.1f s", error, self._wait)
            bell.wait(self._wait)
            self._wait = min(self._wait * 2, LONGEST_WAIT)

    def _follow_once(self, bell: Bell) -> None:
        follower = self._job.choose()
        self._writer.follow(f"{follower.source} as {self._job.view}", follower.level, follower.why)
        state = self._writer.state()
        watcher = Watcher() if state.built else self._watcher
        with closing(follower.events(state.cookie, bell)) as events:  # type: ignore[type-var]
            Ingester(self._writer, self._job.encoder, follower, watcher).take(self._tend(events))

    def _tend(self, events: Iterable[Event]) -> Iterator[Event]:
        """Pass events on, and do in quiet moments what has nothing to do with them."""
        for event in events:
            yield event
            if not isinstance(event, Seen):
                if isinstance(event, Idle):
                    self._prune()
                self._wait = self._wait if isinstance(event, Listing) else FIRST_WAIT

    def _prune(self) -> None:
        if self._pruned is None or monotonic() - self._pruned >= PRUNE_EVERY:
            self._pruned = monotonic()
            self._writer.prune(now() - int(self._job.kept_days * 86_400 * SECOND))
