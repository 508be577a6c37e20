"""A file of audit records, of which those of the same moment are written together."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from .audit import AuditRecord
from .batches import Batches

log = logging.getLogger(__name__)

MODE = 0o640
"""Of a file that is made: who asked for what is for the server's user and a group of auditors."""


class AuditFile:
    """Appends audit records to a file, a line of JSON each.

    Those of a tenth of a second are written by one call: it comes cheaper than logging's handlers,
    which write each record before its answer is sent. Several processes may append to one file, and
    a file that was moved away is made anew.

    Args:
        path: The file; OSError where it cannot be written.

    Attributes:
        keep: Takes a record for the next write.
        flush: Writes what is kept.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path).absolute()
        batches = Batches(self._append)
        self.keep, self.flush = batches.put, batches.flush
        self._gap = b""
        _check(self._path)

    def _append(self, records: list[AuditRecord]) -> None:
        """Append by one call where the disk allows it, so that lines of processes do not mix."""
        rest = text = self._gap + "".join(f"{record}\n" for record in records).encode()
        try:
            with open(self._path, "ab", buffering=0, opener=_open) as file:
                while rest:
                    rest = rest[file.write(rest) :]
        except OSError as error:
            lost = min(len(records), rest.count(b"\n"))
            log.error("%d audit records could not be written: %s", lost, error)
        if written := text[: len(text) - len(rest)]:
            self._gap = b"" if written.endswith(b"\n") else b"\n"  # after a line that is cut


def _open(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody reads is an error, where one would wait for a reader."""
    opened = os.open(path, flags | os.O_NONBLOCK, MODE)
    os.set_blocking(opened, True)
    return opened


def _check(path: Path) -> None:
    """Raise OSError for a file that cannot be appended to; it is made by the first record alone.

    A command that another user runs would else leave a file that the server may not write.
    """
    if path.exists():
        open(path, "ab", buffering=0, opener=_open).close()
        return
    parent = path.resolve().parent  # of what a link leads to
    if not os.access(parent, os.W_OK | os.X_OK):
        parent.stat()
        raise PermissionError(f"no file may be made in {parent}")
