"""One answer as it was when its paging session began, so that pages are slices and cannot drift."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO

from ..encoder import EncodedEntry
from ..timestamps import from_micros, to_instant, to_micros

SPILL_BYTES = 4 * 2**20
"""Answers up to this size stay in memory; larger ones go to an unlinked temporary file."""

SPILL_CHUNKS = 1000
"""The fewest entries that are written to that file at once."""


ANY_TIME = 2**63 - 1
"""Later than every time there is."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of an answer.

    Attributes:
        since: The time that was asked for.
        bodies: The JSON objects of the entries, in the answer's order.
        latest: The highest change time among them that can be right, in microseconds since the
            epoch; None on an empty page.
    """

    since: datetime
    bodies: list[bytes]
    latest: int | None

    def to_json(self) -> bytes:
        """Return the body of the answer; an empty page's latest change is the time asked for."""
        latest = to_instant(self.since if self.latest is None else from_micros(self.latest))
        return b'{"total":%d,"latestUpdateAt":"%s","results":[%s]}' % (
            len(self.bodies),
            latest.encode(),
            b",".join(self.bodies),
        )


class Snapshot:
    """All entries of the answer since a time, in order: uid ignoring case, ties by inum.

    credible: the latest change time that can be right, in microseconds since the epoch. Entries
    with later ones are in the answer, but do not count for the latest change of a page.
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
            self._data = spool.finish()
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
        spans = zip(self._starts[rows], self._ends[rows], strict=True)
        bodies = [self._data[begin:end] for begin, end in spans]
        return Page(self._since, bodies, max(self._changed[rows], default=None))


class _Spool:
    """Collects bytes in memory and moves to an unlinked temporary file when they become many."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._size = 0

    def append(self, body: bytes) -> int:
        """Add a body; return where it ends, counted from the first."""
        self._chunks.append(body)
        self._size += len(body)
        if self._size > SPILL_BYTES and len(self._chunks) >= SPILL_CHUNKS:
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
        return self._file
