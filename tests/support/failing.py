"""A backend that fails when a test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flask_gluu_changes import ChangesQuery, Entry
from flask_gluu_changes.backends.memory import MemoryBackend
from tests.support.apps import PEOPLE

Failure = Callable[[], Exception]


class FailingBackend(MemoryBackend):
    """Fails as it is told: at the call, at the first entry, or in the middle."""

    def __init__(self, failure: Failure, stage: str) -> None:
        super().__init__(PEOPLE)
        self.failure: Failure | None = failure
        self.stage = stage

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        """Yield some entries, perhaps, and fail."""
        found = super().changes(query)
        if self.failure is None:
            return found
        if self.stage == "at the call":
            raise self.failure()
        return self._fail(found, self.failure)

    def _fail(self, found: Iterator[Entry], failure: Failure) -> Iterator[Entry]:
        if self.stage == "in the middle":
            yield next(found)
        raise failure()
