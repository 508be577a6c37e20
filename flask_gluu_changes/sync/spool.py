"""A run's changes in a private file, until it is known whether they may be applied."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import NamedTuple

from ..client import Change
from .records import REMOVED, body_of, change_of, check, digest_of, head_of
from .source import SourceBatch

MOST_IN_MEMORY = 2**20
"""Octets after which a file is made; it has no name, and goes with the process."""


class Spooled(NamedTuple):
    """A change, and the digest of its content; empty for a removal."""

    change: Change
    digest: bytes


class Spool:
    """Takes the batches of one run; of a reading that begins anew, the last one counts.

    Attributes:
        number: How many changes there are.
        full: Whether they are a reading of everybody.
        complete: Whether that reading came to its end.
        position: Where the next run goes on; empty where this one does not say.
        removed: The ids of those who were removed.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(MOST_IN_MEMORY)  # noqa: SIM115
        self._reset()

    def _reset(self) -> None:
        self.number = 0
        self.full = self.complete = False
        self.position = ""
        self.removed: set[str] = set()
        self._there: set[int] = set()
        self._inums: set[int] = set()

    def close(self) -> None:
        """Forget everything."""
        self._file.close()

    def add(self, batch: SourceBatch) -> None:
        """Add a batch."""
        if batch.first:
            self._file.seek(0)
            self._file.truncate()
            self._reset()
        for change in batch.changes:
            self._add(change)
        self.full |= batch.full
        self.complete |= batch.complete
        self.position = batch.position or self.position

    @property
    def people(self) -> int:
        """Return how many were told and not removed."""
        return len(self._there)

    def has(self, id_: str) -> bool:
        """Tell whether somebody was told and not removed.

        Hashes of 64 bits take a third of the memory of texts, and differ with each process: the one
        error in millions of runs, which would be to keep somebody, does not come twice.
        """
        return hash(id_) in self._there

    def has_inum(self, inum: str) -> bool:
        """Tell whether somebody was told who has an inum."""
        return hash(inum) in self._inums

    def _add(self, change: Change) -> None:
        check(change)
        self._file.write(b"%b\n%b\n" % (head_of(change), body_of(change)))
        self.number += 1
        if change.kind == REMOVED:
            self.removed.add(change.id)
            self._there.discard(hash(change.id))
        else:
            self.removed.discard(change.id)
            self._there.add(hash(change.id))
            self._inums.add(hash(change.inum))

    def __iter__(self) -> Iterator[Spooled]:
        self._file.seek(0)
        while head := self._file.readline():
            body = self._file.readline().removesuffix(b"\n")
            change = change_of(head, body)
            yield Spooled(change, b"" if change.kind == REMOVED else digest_of(body))
