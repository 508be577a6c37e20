"""Where changes come from: one run after another, each from a position to the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..client import Change


@dataclass(frozen=True, slots=True)
class SourceBatch:
    """Changes to be applied in their order.

    Attributes:
        changes: The changes, removals first.
        full: Whether the batch belongs to a reading of everybody.
        first: Whether such a reading begins with this batch, or begins anew.
        complete: Whether it ends with this batch; whoever was not in it is not there any more.
        position: Where the next run begins once this batch and all before it are applied; empty
            where that is not known yet.
    """

    changes: Sequence[Change]
    full: bool = False
    first: bool = False
    complete: bool = False
    position: str = ""


class Source(Protocol):
    """Anything that changes are read from.

    Attributes:
        level: What is promised, in a word: `exact` or `timestamps`.
        promise: The same in a sentence.
    """

    level: str
    promise: str

    def read(self, position: str, *, full: bool, wait: int = 0) -> Iterator[SourceBatch]:
        """Read what came since a position, to the end.

        Args:
            position: The position of the last batch of the run before; empty reads everybody.
            full: Whether to read everybody in any case.
            wait: The seconds to wait for a change.
        """
