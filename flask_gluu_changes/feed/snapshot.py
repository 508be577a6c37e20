"""One answer as it was when its paging session began, so that pages are slices and cannot drift."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, overload

from ..encoder import EncodedEntry
from ..errors import BackendUnavailable
from ..timestamps import from_micros, to_instant, to_micros
from .parts import LARGE, LargePage

SPILL_BYTES = 2**20
"""Answers up to this size may stay in memory; larger ones go to a file, by parts of this size."""

RESIDENT = 2**23
"""Octets of a file after whose reading its memory is given back."""

_TAIL = b"]}"

ANY_TIME = 2**63 - 1
"""Later than every time there is."""

ANY_NUMBER = 2**63 - 1
"""More than all entries there are."""

NO_ROOM = "There is no room for another paging session at the moment. Try again later."

_ITEM = 8
"""Octets of a position or a time in a file."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of an answer.

    Attributes:
        since: The time that was asked for.
        bodies: The JSON objects of the entries, in the answer's order. Those of a large page
            are read when they are needed.
        latest: The highest change time among them that can be right, in microseconds since the
            epoch; None on an empty page.
        session: The name of the paging session that later pages continue; empty where none does.
        is_restarted: Whether it is a later page whose paging session is gone, so that it was cut
            from a new answer.
    """

    since: datetime
    bodies: Sequence[bytes]
    latest: int | None
    session: str = ""
    is_restarted: bool = False

    @property
    def large(self) -> LargePage | None:
        """A large page as it is sent; None for one that is held in memory."""
        if not isinstance(self.bodies, StoredBodies):
            return None
        return LargePage(self._head(), self.bodies, self.bodies.octets, _TAIL)

    def to_json(self) -> bytes:
        """Return the body of the answer; an empty page's latest change is the time asked for."""
        return b"%b%b%b" % (self._head(), b",".join(self.bodies), _TAIL)

    def _head(self) -> bytes:
        latest = to_instant(self.since if self.latest is None else from_micros(self.latest))
        return b'{"total":%d,"latestUpdateAt":"%s","results":[' % (
            len(self.bodies),
            latest.encode(),
        )


class StoredBodies(Sequence[bytes]):
    """The bodies of a large page, cut from a snapshot when they are asked for.

    starts, ends: where each begins and ends in the data. octets: of all of them.
    """

    def __init__(
        self, data: Octets, starts: Sequence[int], ends: Sequence[int], octets: int
    ) -> None:
        self.octets = octets
        self._data = data
        self._starts = starts
        self._ends = ends

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[bytes]: ...
    def __getitem__(self, at: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(at, int):
            return self._data.cut(self._starts[at : at + 1], self._ends[at : at + 1])[0]
        return self._data.cut(self._starts[at], self._ends[at])


class Octets:
    """All bodies of a snapshot, in memory or in a file that is mapped into it."""

    def __init__(self, octets: bytes | mmap.mmap) -> None:
        self._octets = octets
        self._read = 0

    def cut(self, starts: Sequence[int], ends: Sequence[int], octets: int = 0) -> list[bytes]:
        """Return the bodies between some positions; octets: of all of them, if they are known."""
        data = self._octets
        bodies = [data[start:end] for start, end in zip(starts, ends, strict=True)]
        self._read += octets or sum(map(len, bodies))
        if self._read > RESIDENT:
            self._release()
        return bodies

    def _release(self) -> None:
        """Have the system count what was read of a file as its own memory, and not as ours."""
        self._read = 0
        if isinstance(self._octets, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            self._octets.madvise(mmap.MADV_DONTNEED)


class Snapshot:
    """All entries of the answer since a time, in order: uid ignoring case, ties by inum."""

    def __init__(
        self,
        since: datetime,
        data: bytes | mmap.mmap,
        starts: Sequence[int],
        ends: Sequence[int],
        changed: Sequence[int],
    ) -> None:
        self._since = since
        self._data = Octets(data)
        self._starts = starts
        self._ends = ends
        self._changed = changed

    @classmethod
    def stored(cls, since: datetime, data: mmap.mmap, length: int) -> Snapshot:
        """Return the snapshot that a `SnapshotWriter` wrote to a file.

        data: the file's content. length: the number of entries.
        """
        first = len(data) - 3 * _ITEM * length
        numbers = memoryview(data)[first:].cast("q")
        return cls(since, data, *(numbers[i * length : (i + 1) * length] for i in range(3)))

    def __len__(self) -> int:
        return len(self._changed)

    def page(self, start: int, size: int) -> Page:
        """Return `size` entries from offset `start`, fewer only where the answer ends."""
        rows = slice(start, start + size)
        latest = max(self._changed[rows], default=None)
        starts, ends = self._starts[rows], self._ends[rows]
        octets = sum(ends) - sum(starts)
        if octets > LARGE:
            return Page(self._since, StoredBodies(self._data, starts, ends, octets), latest)
        return Page(self._since, self._data.cut(starts, ends, octets), latest)


class SnapshotWriter:
    """Collects the entries of an answer, in memory or in a file, and puts them in order.

    credible: the latest change time that can be right, in microseconds since the epoch. Entries
    with later ones are in the answer, but do not count for the latest change of a page.

    Attributes:
        octets: How large all bodies are.
    """

    def __init__(self, since: datetime, credible: int = ANY_TIME) -> None:
        self.octets = 0
        self._since = since
        self._credible = credible
        # arrays, not an object for each entry: an answer may hold a million of them
        self._keys, self._changed, self._ends = list[bytes](), array("q"), array("Q", [0])
        self._chunks: list[bytes] = []
        self._written = 0

    def __len__(self) -> int:
        return len(self._keys)

    def is_small(self, entries: Iterator[EncodedEntry], most: int) -> bool:
        """Take entries while they are few and small; return whether there are no more.

        most: so many are few.
        """
        return self._take(entries, most, SPILL_BYTES)

    def in_memory(self) -> Snapshot:
        """Return the snapshot of the entries that were taken."""
        return Snapshot(self._since, b"".join(self._chunks), *self._ordered())

    def to_file(self, entries: Iterator[EncodedEntry], file: IO[bytes]) -> None:
        """Take all other entries, and write everything by and by."""
        while not self._take(entries, ANY_NUMBER, self._written + SPILL_BYTES):
            self._flush(file)
        self._chunks.append(bytes(-self.octets % _ITEM))  # numbers are read where they lie
        self._flush(file)
        for numbers in self._ordered():
            self._chunks.append(numbers.tobytes())
        self._flush(file)

    def _take(self, entries: Iterator[EncodedEntry], most: int, limit: int) -> bool:
        """Take entries until there are more than so many, or octets; return whether all are."""
        keys, changed, chunks, ends = self._keys, self._changed, self._chunks, self._ends
        octets, is_all = self.octets, True
        for key, micros, body in entries:
            keys.append(key)
            changed.append(micros)
            chunks.append(body)
            octets += len(body)
            ends.append(octets)
            if octets > limit or len(keys) > most:
                is_all = False
                break
        self.octets = octets
        return is_all

    def _flush(self, file: IO[bytes]) -> None:
        octets = memoryview(b"".join(self._chunks))
        try:
            while octets:
                octets = octets[file.write(octets) :]
        except OSError as error:
            text = f"a paging session's snapshot cannot be written: {error.strerror}"
            raise BackendUnavailable(text, public=NO_ROOM) from error
        self._chunks.clear()
        self._written = self.octets

    def _ordered(self) -> tuple[array[int], array[int], array[int]]:
        """Return where each body begins and ends, and when it changed, in the answer's order."""
        keys, changed, ends = self._keys, self._changed, self._ends
        # positions are sorted, not bodies, which may be in the file
        order = sorted(range(len(keys)), key=keys.__getitem__)
        if changed and max(changed) > self._credible:
            floor = to_micros(self._since)
            changed = array("q", (m if m <= self._credible else floor for m in changed))
        return (
            array("q", (ends[i] for i in order)),
            array("q", (ends[i + 1] for i in order)),
            array("q", (changed[i] for i in order)),
        )
