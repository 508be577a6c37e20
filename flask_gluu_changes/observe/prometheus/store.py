"""What is read of the store when Prometheus asks, so that each worker tells the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ...errors import GluuChangesError
from ...journal.protocol import SequenceBackend, Status
from ..health import STORE, Readiness
from .exposed import PREFIX

LEVELS = ("exact", "lagging", "unknown")

COUNT_EVERY = 15.0
"""Seconds between two countings of all people, which takes a moment where they are many."""


class StoreCollector(Collector):
    """Tells whether the store answers, how the journal is, and how many walk through pages.

    Args:
        readiness: Looks at the store, once a second at most.
        backend: Counts the people of its journal, if it has one.
        count_sessions: Returns how many paging sessions there are.
    """

    def __init__(
        self,
        readiness: Readiness,
        backend: object,
        count_sessions: Callable[[], int],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._readiness = readiness
        self._journal = backend if isinstance(backend, SequenceBackend) else None
        self._count_sessions = count_sessions
        self._clock = clock
        self._counted_at = float("-inf")
        self._counted_for: Status | None = None
        self._people: int | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges; what cannot be read is left out."""
        health = self._readiness.health()
        yield _gauge("backend_up", "Whether the store answers.", health.failed != STORE)
        if health.status is not None:
            yield from _of_journal(health.status)
            self._count_people(health.status)
            if self._people is not None:
                yield _gauge("journal_people", "People in the journal.", self._people)
        sessions = _counted(self._count_sessions)
        if sessions is not None:
            yield _gauge("paging_sessions", "Walks through pages by time stamp.", sessions)

    def _count_people(self, status: Status) -> None:
        """Count anew where something has changed since, but not too often."""
        before, now = self._counted_for, self._clock()
        if before and (before.epoch, before.head) == (status.epoch, status.head):
            return
        if self._journal is not None and now - self._counted_at >= COUNT_EVERY:
            self._people = _counted(self._journal.count_people)
            self._counted_for = None if self._people is None else status
            self._counted_at = now


def _of_journal(status: Status) -> Iterator[GaugeMetricFamily]:
    yield _gauge("journal_head", "Number of the last change.", status.head)
    yield _gauge("journal_built", "Whether everybody has been read once.", status.built)
    level = GaugeMetricFamily(
        f"{PREFIX}journal_level", "How the source is followed: 1 for one of them.", labels=["level"]
    )
    for name in LEVELS:
        level.add_metric([name], status.level == name)
    yield level
    if status.confirmed_at:
        yield _gauge(
            "journal_confirmed_timestamp_seconds",
            "When the source was last known to hold nothing newer.",
            status.confirmed_at / 1_000_000,
        )
    yield _gauge(
        "journal_quarantined_entries", "Entries that could not be written.", status.quarantined
    )
    yield _gauge("journal_held_removals", "Removals that are held back.", status.held)


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}{name}", meaning, value=float(value))


def _counted(count: Callable[[], int | None]) -> int | None:
    try:
        return count()
    except GluuChangesError:
        return None
