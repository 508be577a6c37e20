"""One answer as it was when its paging session began, so that pages are slices and cannot drift."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO

from ..encoder import EncodedEntry
from ..timestamps import from_micros, to_instant

SPILL_BYTES = 4 * 2**20
"""Answers up to this size stay in memory; larger ones go to an unlinked temporary file…"""

SPILL_CHUNKS = 1000
"""…in writes of at least so many entries."""


@dataclass(frozen=True, slots=True)
class Page:
    """Part of an answer: JSON objects in order, and the highest change time (microseconds)."""

    bodies: list[bytes]
    latest: int | None

    def to_json(self, since: datetime) -> bytes:
        """Write the answer; since: the time that was asked for, the latest one of an empty page."""
        latest = to_instant(since if self.latest is None else from_micros(self.latest))
        return b'{"total":%d,"latestUpdateAt":"%s","results":[%s]}' % (
            len(self.bodies),
            latest.encode(),
            b",".join(self.bodies),
        )


class Snapshot:
    """All entries of one answer in their final order: uid ignoring case, ties by inum."""

    def __init__(self, entries: Iterable[EncodedEntry]) -> None:
        spool, keys = _Spool(), list[bytes]()
        changed, ends = array("q"), array("Q", [0])
        with spool:
            for key, micros, body in entries:
                keys.append(key)
                changed.append(micros)
                ends.append(spool.append(body))
            self._data = spool.finish()
        order = sorted(range(len(keys)), key=keys.__getitem__)
        self._starts = array("Q", (ends[i] for i in order))
        self._ends = array("Q", (ends[i + 1] for i in order))
        self._changed = array("q", (changed[i] for i in order))

    def __len__(self) -> int:
        return len(self._changed)

    def page(self, start: int, size: int) -> Page:
        """Give `size` entries from offset `start`, fewer only where the answer ends."""
        rows = slice(start, start + size)
        spans = zip(self._starts[rows], self._ends[rows], strict=True)
        bodies = [self._data[begin:end] for begin, end in spans]
        return Page(bodies, max(self._changed[rows], default=None))


class _Spool:
    """Collects bytes in memory and moves to an unlinked temporary file when they become many."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._size = 0

    def __enter__(self) -> _Spool:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def append(self, body: bytes) -> int:
        """Add a body; return where it ends, counted from the first."""
        self._chunks.append(body)
        self._size += len(body)
        if self._size > SPILL_BYTES and len(self._chunks) >= SPILL_CHUNKS:
            self._spill()
        return self._size

    def finish(self) -> bytes | mmap.mmap:
        """Give everything as one sliceable whole; the system frees a file with its last user."""
        if self._file is None:
            return b"".join(self._chunks)
        self._spill().flush()
        return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def _spill(self) -> IO[bytes]:
        if self._file is None:
            self._file = TemporaryFile(prefix="gluu-changes-")  # noqa: SIM115
        self._file.write(b"".join(self._chunks))
        self._chunks.clear()
        return self._file
