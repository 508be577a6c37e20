"""Files that changes are added to, and what stands in for them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from .errors import SinkUnavailable

OWNER_ONLY = 0o600

IsEnd = Callable[[bytes], bool]
"""Whether a record is complete after a line, given to it line by line."""


class Output(Protocol):
    """Anything that takes octets.

    Attributes:
        head: The first line of what is there already; empty for none.
    """

    head: bytes

    def write(self, octets: bytes) -> None:
        """Write octets durably."""

    def close(self) -> None:
        """End it."""


class AppendedFile:
    """A file that is added to; a record that a crash left unfinished is cut off."""

    def __init__(self, path: Path, is_end: IsEnd) -> None:
        """Open the file, or make it for its owner alone.

        Args:
            path: The file.
            is_end: Whether a record is complete after a line.

        Raises:
            SinkUnavailable: It cannot be written.
        """
        self._path = path
        try:
            opened = os.open(path, os.O_RDWR | os.O_CREAT, OWNER_ONLY)
            self._file: BinaryIO = os.fdopen(opened, "r+b")
            self.head = self._file.readline()
            self._file.truncate(_complete(self._file, is_end))
            self._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise self._failed(error) from error

    def write(self, octets: bytes) -> None:
        """Write octets, and wait until they are on the disk."""
        try:
            self._file.write(octets)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _failed(self, error: OSError) -> SinkUnavailable:
        return SinkUnavailable(f"{self._path} cannot be written: {error.strerror}")


class StandardOutput:
    """The standard output of the program."""

    head = b""

    def write(self, octets: bytes) -> None:
        """Write octets; whoever reads them may be gone."""
        try:
            sys.stdout.buffer.write(octets)
            sys.stdout.buffer.flush()
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SinkUnavailable(f"standard output takes no more: {error.strerror}") from error

    def close(self) -> None:
        """Leave it open: the program may have more to say."""


class Nowhere:
    """Takes what a dry run would write."""

    head = b""

    def write(self, octets: bytes) -> None:
        """Write nothing."""

    def close(self) -> None:
        """Do nothing."""


def _complete(file: BinaryIO, is_end: IsEnd) -> int:
    """Return how many octets of a file are complete records."""
    file.seek(0)
    size = complete = 0
    for line in file:
        size += len(line)
        if is_end(line):
            complete = size
    return complete
