"""The metrics of `follow`, on a port of its own or in a file for node_exporter."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    start_http_server,
    write_to_textfile,
)

from ...follower import FollowMeter
from .exposed import PREFIX, Exposed

WRITE_EVERY = 5.0
"""Seconds between two versions of the file."""

KINDS = ("upserted", "removed")
RESULTS = ("completed", "failed")


class PrometheusFollowMeter(FollowMeter):
    """Counts what `follow` does."""

    def __init__(self) -> None:
        inner = CollectorRegistry()
        self._connected = Gauge(
            f"{PREFIX}follow_connected", "Whether this process reads the source.", registry=inner
        )
        self._changes = Counter(
            f"{PREFIX}follow_changes", "Changes that were written.", ["kind"], registry=inner
        )
        self._sweeps = Counter(
            f"{PREFIX}follow_sweeps", "Readings of everybody.", ["result"], registry=inner
        )
        self._held = Gauge(
            f"{PREFIX}follow_held_removals", "Removals that are held back.", registry=inner
        )
        self._confirmed = Gauge(
            f"{PREFIX}follow_confirmed_timestamp_seconds",
            "When the source was last known to hold nothing newer; 0: not yet by this process.",
            registry=inner,
        )
        # at once, so that Prometheus sees the first one as an increase
        self._by_kind = [self._changes.labels(kind) for kind in KINDS]
        self._by_result = {result: self._sweeps.labels(result) for result in RESULTS}
        self._registry = CollectorRegistry(auto_describe=True)
        self._registry.register(Exposed([inner]))

    def connected(self, is_connected: bool) -> None:
        """Keep whether this process reads the source."""
        self._connected.set(is_connected)

    def written(self, changes: int, removals: int, confirmed_at: int | None) -> None:
        """Count changes by their kind, and keep the time of the last confirmation."""
        for child, number in zip(self._by_kind, (changes - removals, removals), strict=True):
            child.inc(number)
        if confirmed_at is not None:
            self._confirmed.set(confirmed_at / 1_000_000)

    def swept(self, result: str) -> None:
        """Count readings of everybody by their result."""
        self._by_result[result].inc()

    def held(self, number: int) -> None:
        """Keep how many removals are held back."""
        self._held.set(number)

    def serve(self, address: str, port: int) -> None:
        """Answer Prometheus until the process ends; OSError where the port cannot be had."""
        start_http_server(port, address, self._registry)

    @contextmanager
    def written_to(self, path: str) -> Iterator[None]:
        """Keep a file up to date; OSError where it cannot be written."""
        ended = threading.Event()
        write_to_textfile(path, self._registry)
        thread = threading.Thread(target=self._keep_writing, args=(path, ended), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self.connected(False)
            write_to_textfile(path, self._registry)

    def _keep_writing(self, path: str, ended: threading.Event) -> None:
        while not ended.wait(WRITE_EVERY):
            write_to_textfile(path, self._registry)
