"""A source of the sync job that tells what a test says."""

from __future__ import annotations

from collections.abc import Iterator

from flask_gluu_changes.client import Change
from flask_gluu_changes.sync.source import SourceBatch


class Told:
    """A source of what a test says."""

    level = "exact"
    promise = "Only a test."

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.full = False

    def read(self, position: str, *, full: bool, wait: int = 0) -> Iterator[SourceBatch]:
        """Yield one batch, which begins and ends a run."""
        full = self.full
        yield SourceBatch(self.changes, full, first=full, complete=full, position="next")

    def close(self) -> None:
        """Do nothing."""
