"""One answer as it was when its paging session began, so that pages are slices and cannot drift."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO, overload

from ..encoder import EncodedEntry
from ..timestamps import from_micros, to_instant, to_micros
from .parts import LARGE, LargePage

SPILL_BYTES = 2**20
"""Answers up to this size stay in memory; larger ones go to an unlinked temporary file, by parts of
this size."""

RESIDENT = 2**23
"""Octets of a file after whose reading its memory is given back."""

_TAIL = b"]}"

ANY_TIME = 2**63 - 1
"""Later than every time there is."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of an answer.

    Attributes:
        since: The time that was asked for.
        bodies: The JSON objects of the entries, in the answer's order. Those of a large page
            are read when they are needed.
        latest: The highest change time among them that can be right, in microseconds since the
            epoch; None on an empty page.
    """

    since: datetime
    bodies: Sequence[bytes]
    latest: int | None

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
    """All entries of the answer since a time, in order: uid ignoring case, ties by inum.

    credible: the latest change time that can be right, in microseconds since the epoch. Entries
    with later ones are in the answer, but do not count for the latest change of a page.

    Attributes:
        octets: How large all bodies are, in memory or in a file.
    """

    def __init__(
        self, since: datetime, entries: Iterable[EncodedEntry], credible: int = ANY_TIME
    ) -> None:
        self._since = since
        # arrays, not an object for each entry: an answer may hold a million of them
        keys, changed, ends = list[bytes](), array("q"), array("Q", [0])
        with closing(_Spool()) as spool:
            for key, micros, body in entries:
                keys.append(key)
                changed.append(micros)
                ends.append(spool.append(body))
            data = spool.finish()
        self._data, self.octets = Octets(data), len(data)
        # positions are sorted, not bodies, which may be in the file
        order = sorted(range(len(keys)), key=keys.__getitem__)
        self._starts = array("Q", (ends[i] for i in order))
        self._ends = array("Q", (ends[i + 1] for i in order))
        if changed and max(changed) > credible:
            floor = to_micros(since)
            changed = array("q", (micros if micros <= credible else floor for micros in changed))
        self._changed = array("q", (changed[i] for i in order))

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


class _Spool:
    """Collects bytes in memory and moves to an unlinked temporary file when they become many."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._size = 0
        self._written = 0

    def append(self, body: bytes) -> int:
        """Add a body; return where it ends, counted from the first."""
        self._chunks.append(body)
        self._size += len(body)
        if self._size - self._written > SPILL_BYTES:
            self._spill()
        return self._size

    def finish(self) -> bytes | mmap.mmap:
        """Return all bodies as one sequence that can be sliced.

        The system frees the file, which has no name, when the map over it is gone.
        """
        if self._file is None:
            return b"".join(self._chunks)
        self._spill().flush()
        return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def close(self) -> None:
        """Close the file, if there is one; a map over it stays usable."""
        if self._file is not None:
            self._file.close()

    def _spill(self) -> IO[bytes]:
        if self._file is None:
            self._file = TemporaryFile(prefix="gluu-changes-")  # noqa: SIM115
        self._file.write(b"".join(self._chunks))
        self._chunks.clear()
        self._written = self._size
        return self._file
