"""Where a consumer keeps its token between two runs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Protocol


class TokenStore(Protocol):
    """Anything with these two methods, such as a row in the replica's own database."""

    def load(self) -> str:
        """Give the token; empty where there is none."""

    def save(self, token: str) -> None:
        """Keep a token durably before returning; an empty one forgets."""


class MemoryTokenStore:
    """Keeps the token as long as the process lives."""

    def __init__(self, token: str = "") -> None:
        self.token = token

    def load(self) -> str:
        """Give the token."""
        return self.token

    def save(self, token: str) -> None:
        """Keep a token."""
        self.token = token


class FileTokenStore:
    """Keeps the token in a file that only its owner may read, replaced as a whole.

    A crash leaves the old token or the new one, never a part.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def load(self) -> str:
        """Give the token; empty where there is no file."""
        try:
            return self._path.read_text().strip()
        except FileNotFoundError:
            return ""

    def save(self, token: str) -> None:
        """Write beside the file, and move over it once it is on the disk."""
        handle, name = tempfile.mkstemp(prefix=self._path.name, dir=self._path.parent)
        try:
            with open(handle, "w") as file:
                file.write(token)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self._path)
        except BaseException:
            os.unlink(name)
            raise
        self._make_durable()

    def _make_durable(self) -> None:
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
