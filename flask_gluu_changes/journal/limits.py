"""Limits of what the journal takes, in octets: what is beyond is left out and named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..model import Entry, Value

MIB = 2**20


class SizeLimits(NamedTuple):
    """The largest value as the store has it, and the largest entry as clients get it."""

    value: int = 8 * MIB
    entry: int = 12 * MIB

    def are_kept(self, size: int) -> bool:
        """Return whether an object of so many octets can hold nothing that is beyond."""
        return size <= self.value and size <= self.entry

    def without_large_values(self, entry: Entry) -> Entry:
        """Return an entry without its values that are beyond the limit."""
        kept = {n: [v for v in vs if _size(v) <= self.value] for n, vs in entry.items()}
        return {name: values for name, values in kept.items() if values or not entry[name]}


def largest_first(entry: Entry, shows: Callable[[str], bool]) -> Iterator[str]:
    """Yield the names of attributes that are shown, the largest first; never those of persons."""
    sizes = {name: sum(map(_size, values)) for name, values in entry.items() if shows(name)}
    yield from sorted(sizes.keys() - {"inum", "uid"}, key=sizes.__getitem__, reverse=True)


def _size(value: Value) -> int:
    return len(value) if isinstance(value, bytes) else len(str(value).encode(errors="replace"))
