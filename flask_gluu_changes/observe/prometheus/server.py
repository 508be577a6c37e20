"""The metrics of a process that serves the operation."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from ... import forks
from ..batches import Batches
from ..meter import Meter
from .exposed import PREFIX, expose

Connections: TypeAlias = Mapping[str, tuple[int, int]]
"""How many connections each pool has, by its name: idle ones, and those in use."""

Answer: TypeAlias = tuple[str, int, str, float]
"""Form, status, reason and seconds."""

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Upper bounds, in seconds."""

REFRESH_EVERY = 1.0
"""Seconds between two notes of how many connections a worker has."""

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that switches on prometheus-client's multiprocess mode."""


class PrometheusMeter(Meter):
    """Counts what it is told; in multiprocess mode, together with the other workers.

    Args:
        collectors: What is read when somebody asks.
        connections: Return the connections of this process.
    """

    def __init__(
        self,
        collectors: Iterable[Collector],
        connections: Iterable[Callable[[], Connections]],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._registry = CollectorRegistry()
        self._collectors = tuple(collectors)
        self._find_connections = tuple(connections)
        self._clock = clock
        self._is_one_of_several = FOLDER in os.environ
        self._refreshed = float("-inf")
        self._requests = self._counter("requests", "Requests that were answered.", "form", "status")
        self._seconds = Histogram(
            f"{PREFIX}request_seconds",
            "How long answers took; those of form `wait` wait for a change.",
            ["form"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._expired = self._counter("tokens_expired", "Answers 410: their clients begin anew.")
        self._introspections = self._counter("introspections", "Questions about tokens.", "result")
        self._cache_hits = self._counter("token_cache_hits", "Tokens that were known already.")
        self._waiters = self._gauge("waiters", "Requests that wait for a change.", "livesum")
        self._server_up: Gauge | None = None
        self._lock = forks.new_lock()
        self._connections = self._gauge(
            "connections", "Connections to other servers.", "livesum", "pool", "state"
        )
        # by form and status: prometheus-client looks for a series by its labels each time
        self._known: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._answers = Batches(self._count)

    def answered(self, form: str, status: int, reason: str, seconds: float) -> None:
        """Have an answer counted, and how long it took."""
        self._answers.put((form, status, reason, seconds))

    def _count(self, answers: list[Answer]) -> None:
        for answer in answers:
            self._count_one(*answer)
        if self._is_one_of_several and self._clock() - self._refreshed >= REFRESH_EVERY:
            self._refresh()

    def _count_one(self, form: str, status: int, reason: str, seconds: float) -> None:
        known = self._known.get((form, status))
        if known is None:
            known = self._requests.labels(form, status), self._seconds.labels(form)
            self._known[form, status] = known
        known[0].inc()
        known[1].observe(seconds)
        if reason == "expiredCursor":
            self._expired.inc()

    def waiting(self, more: int) -> None:
        """Count those who wait."""
        self._waiters.inc(more)

    def introspected(self, result: str) -> None:
        """Count an introspection by its result."""
        self._introspections.labels(result).inc()

    def found_in_cache(self) -> None:
        """Count a token that was known."""
        self._cache_hits.inc()

    def server_answers(self, answers: bool) -> None:
        """Keep whether the authorization server answers; before it was asked, nothing is told."""
        with self._lock:
            if self._server_up is None:
                self._server_up = self._gauge(
                    "authorization_server_up",
                    "Whether the authorization server answered when it was asked last.",
                    "mostrecent",
                )
        self._server_up.set(answers)

    def expose(self) -> bytes:
        """Return all metrics as text."""
        self._answers.flush()
        self._refresh()
        counted: Collector = self._registry
        if self._is_one_of_several:
            counted = MultiProcessCollector(None)  # type: ignore[no-untyped-call]
        return expose(counted, *self._collectors)

    def _refresh(self) -> None:
        self._refreshed = self._clock()
        for find in self._find_connections:
            for pool, (idle, used) in find().items():
                self._connections.labels(pool, "idle").set(idle)
                self._connections.labels(pool, "used").set(used)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}{name}", meaning, labels, registry=self._registry)

    def _gauge(self, name: str, meaning: str, mode: str, *labels: str) -> Gauge:
        return Gauge(
            f"{PREFIX}{name}",
            meaning,
            labels,
            registry=self._registry,
            multiprocess_mode=mode,  # type: ignore[arg-type]
        )
