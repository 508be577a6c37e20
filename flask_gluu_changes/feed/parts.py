"""A large page as the parts that it is sent in, so that nobody need hold it as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

LARGE = 2**18
"""Octets of entries above which a page is large; systems buffer less for a connection."""

PART = 2**16
"""Octets of a part, as far as entries are of one size."""


class LargePage(NamedTuple):
    """The body of a large page.

    Attributes:
        head: What comes before the entries.
        bodies: The JSON objects of the entries.
        octets: Their octets, without the commas between them.
        tail: What comes after them.
    """

    head: bytes
    bodies: Sequence[bytes]
    octets: int
    tail: bytes

    @property
    def size(self) -> int:
        """The octets of the whole body."""
        return len(self.head) + self.octets + len(self.bodies) - 1 + len(self.tail)

    def parts(self) -> Iterator[bytes]:
        """Yield the body part by part."""
        at_once = max(1, PART * len(self.bodies) // self.octets)
        yield self.head
        for start in range(0, len(self.bodies), at_once):
            yield (b"," if start else b"") + b",".join(self.bodies[start : start + at_once])
        yield self.tail
