"""What people were told with: a stamp of each, and a digest of many that fits into a cookie.

A cookie of slapd's stands for a time, and proves nothing about what lies before it: after a restore
and a write, after a clock that went back, after slapd's overlays changed something, it looks as
good as ever. A stamp is a digest of an entry's entryCSN and of all its values that are names of
entries, because overlays (memberof, refint, dynlist) write those without a new entryCSN. So people
whose stamps are as they were told are as they were told.
"""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode
from binascii import crc32
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

BUCKETS = 128
"""Parts of the people that are compared as a whole."""


def values_of(entry: Mapping[str, Sequence[Any]], names: frozenset[str]) -> list[Any]:
    """Return the values of some attributes, with the attributes' names."""
    if entry.keys().isdisjoint(names):
        return []
    return [b"%b %b" % (n.encode(), value) for n in names for value in entry.get(n, ())]


class Stamps:
    """The stamps of people, by entryUUID; of each bucket the sum without carry."""

    def __init__(self) -> None:
        self._stamps: dict[str, int] = {}
        self._sums = array("Q", bytes(8 * BUCKETS))

    def __len__(self) -> int:
        return len(self._stamps)

    def __iter__(self) -> Iterator[str]:
        return iter(self._stamps)

    def put(self, uuid: str, csn: bytes, references: Sequence[bytes]) -> None:
        """Take in an entry by what its stamp is made of."""
        key = uuid.encode()
        text = key + csn + b"\n".join(sorted(references)) if references else key + csn
        stamp = int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
        self._sums[crc32(key) % BUCKETS] ^= self._stamps.get(uuid, 0) ^ stamp
        self._stamps[uuid] = stamp

    def drop(self, uuid: str) -> None:
        """Take in that an entry is gone."""
        self._sums[crc32(uuid.encode()) % BUCKETS] ^= self._stamps.pop(uuid, 0)

    @property
    def sketch(self) -> str:
        """The digests of all buckets, as text."""
        return b64encode(self._sums.tobytes()).decode()

    def in_other_buckets(self, sketch: str) -> set[str] | None:
        """Return who is in the buckets that differ from a sketch; None when none differs.

        From what is no sketch all differ, also where there is nobody.
        """
        sums = _read_sketch(sketch)
        if sums is None:
            return {*self._stamps}
        other = {i for i in range(BUCKETS) if sums[i] != self._sums[i]}
        if not other:
            return None
        return {uuid for uuid in self._stamps if crc32(uuid.encode()) % BUCKETS in other}

    def other_than(self, told: Stamps) -> set[str]:
        """Return who is here with another stamp than was told, or was told and is not here."""
        here, there = self._stamps, told._stamps
        return {u for u, stamp in here.items() if there.get(u) != stamp} | (there.keys() - here)

    def outdated(self, now: Stamps, suspects: set[str]) -> set[str]:
        """Return who has another stamp now than was told here, and the suspects not told here."""
        told, there = self._stamps, now._stamps
        return {u for u, stamp in told.items() if there.get(u, stamp) != stamp} | (
            suspects - told.keys()
        )


def _read_sketch(sketch: str) -> array[int] | None:
    """Read what `Stamps.sketch` wrote; None for anything else."""
    try:
        octets = b64decode(sketch)
    except ValueError:
        return None
    return array("Q", octets) if len(octets) == 8 * BUCKETS else None
