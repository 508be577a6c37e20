"""Rows that are fetched together: many small ones, few large ones.

Memory stays flat however long the answer is, and however large its rows are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import CursorResult, Row

FIRST_ROWS = 16
"""Rows that are fetched before it is known how large they are."""

MOST_ROWS = 256
"""The most rows that are fetched together: later ones may be larger than any before."""

BATCH_OCTETS = 2**20
"""Octets of text and binary values that a batch should not exceed."""

SAMPLE = 8
"""Of so many rows one is measured."""


def batches(result: CursorResult[Any]) -> Iterator[Sequence[Row[Any]]]:
    """Yield the rows of a streamed result in batches."""
    size = FIRST_ROWS
    while rows := result.fetchmany(size):
        yield rows
        size = _next_size(size, rows)


def _next_size(size: int, rows: Sequence[Row[Any]]) -> int:
    """Return how many rows should come next: at most twice as many, and as many as have room."""
    measured = rows[::SAMPLE]
    octets = max(1, sum(map(_octets, measured)) // len(measured))
    return max(1, min(2 * size, MOST_ROWS, BATCH_OCTETS // octets))


def _octets(row: Row[Any]) -> int:
    return sum([len(value) for value in row if isinstance(value, (str, bytes))])
