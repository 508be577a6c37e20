"""A replica of a server that tells times alone, kept in memory as the sync job keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

from flask_gluu_changes.sync.source import SourceBatch
from flask_gluu_changes.sync.time_stamps import TimeStampSource

from .gluu_server import PATH, GluuServer


class TimeReplica:
    """Everybody by inum; a run is applied when it has ended, and the position is kept then."""

    def __init__(self, server: GluuServer, **options: Any) -> None:
        assert server.app is not None
        http = httpx.Client(transport=httpx.WSGITransport(app=server.app))
        given: dict[str, Any] = {
            "http": http,
            "now": lambda: server.now.timestamp(),
            "sleep": server.pass_by,
        }
        self.source = TimeStampSource(f"http://127.0.0.1{PATH}", **given | options)
        self.position = ""
        self.people: dict[str, dict[str, list[Any]]] = {}
        self.told = 0

    def run(self, *, full: bool = False) -> list[SourceBatch]:
        """Read to the end and apply it."""
        batches = list(self.source.read(self.position, full=full))
        self.apply(iter(batches))
        return batches

    def apply(self, batches: Iterator[SourceBatch]) -> None:
        """Apply a run."""
        seen: set[str] = set()
        for batch in batches:
            seen = set() if batch.first else seen
            for change in batch.changes:
                seen.add(change.id)
                self.told += self.people.get(change.id) != dict(change.attributes)
                self.people[change.id] = dict(change.attributes)
            if batch.complete:
                self.people = {id_: self.people[id_] for id_ in self.people if id_ in seen}
            self.position = batch.position or self.position
