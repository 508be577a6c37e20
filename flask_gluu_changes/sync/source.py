"""Where changes come from: runs from a position to the end, whatever the server can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..client import Batch, Change, ChangesClient, MemoryTokenStore, TokenStore


@dataclass(frozen=True, slots=True)
class SourceBatch:
    """Changes to be applied in their order.

    Attributes:
        changes: The changes, removals first.
        full: Whether the batch belongs to a reading of everybody.
        first: Whether such a reading begins, perhaps once more, with this batch.
        complete: Whether such a reading ends with this batch, so that others are not there.
        position: Where to go on once this batch and all before it are applied; empty with those
            after which a run cannot go on.
    """

    changes: Sequence[Change]
    full: bool = False
    first: bool = False
    complete: bool = False
    position: str = ""


class Source(Protocol):
    """Anything that tells changes.

    Attributes:
        level: What is promised, in one word: `exact`, or `timestamps`.
        promise: The same in a sentence.
    """

    level: str
    promise: str

    def read(self, position: str, *, full: bool, wait: int = 0) -> Iterator[SourceBatch]:
        """Yield what came since a position; everybody where it is empty or the server lost it.

        Args:
            position: That of a batch of an earlier run; empty for none.
            full: Whether everybody is to be read again.
            wait: The seconds that the server may wait for a change before it answers.
        """

    def close(self) -> None:
        """Close the connections."""


class TokenSource:
    """Reads a server that issues delta tokens, which are the positions."""

    level = "exact"
    promise = "The server issues tokens: no change and no removal is missed."

    def __init__(self, client_on: Callable[[TokenStore], ChangesClient]) -> None:
        """Prepare the source.

        Args:
            client_on: Returns a client that reads on from the token of a store.
        """
        self._store = MemoryTokenStore()
        self._client = client_on(self._store)

    def read(self, position: str, *, full: bool, wait: int = 0) -> Iterator[SourceBatch]:
        """Yield what came since a token."""
        self._store.save("" if full else position)
        last = ""
        for batch in self._client.drain(wait=wait):
            last = batch.token
            yield _source_batch(batch)
        if self._store.token != last:  # a run without changes has a position as well
            yield SourceBatch([], position=self._store.token)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _source_batch(batch: Batch) -> SourceBatch:
    return SourceBatch(
        batch.changes,
        full=batch.full,
        first=batch.first,
        complete=batch.complete,
        position=batch.token,
    )
