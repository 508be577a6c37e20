"""Where a consumer keeps its token between two runs."""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from .errors import ChangesError
from .pages import LONGEST_TOKEN, is_token

CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM}
"""What file systems of networks and of users answer that cannot do it."""


class TokenStore(Protocol):
    """Anything with these two methods, such as a row in the replica's own database."""

    def load(self) -> str:
        """Return the token; empty where there is none."""

    def save(self, token: str) -> None:
        """Store a token durably before returning.

        Args:
            token: The token; an empty one forgets the one that is stored.
        """


class MemoryTokenStore:
    """Keeps the token as long as the process lives.

    Attributes:
        token: The token; empty where there is none.
    """

    def __init__(self, token: str = "") -> None:
        self.token = token

    def load(self) -> str:
        """Return the token."""
        return self.token

    def save(self, token: str) -> None:
        """Store a token."""
        self.token = token


class FileTokenStore:
    """Keeps the token in a file that only its owner may read, replaced as a whole.

    A crash leaves the old token or the new one, never a part.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Prepare the store.

        Args:
            path: The file; its folder must exist, and new files must be allowed in it.
        """
        self._path = Path(path)

    def load(self) -> str:
        """Return the token; empty where there is no file."""
        try:
            with self._path.open() as file:
                token = file.read(LONGEST_TOKEN + 2).strip()  # an end of line may follow it
        except FileNotFoundError:
            return ""
        except (OSError, ValueError) as error:
            raise ChangesError(f"the token in {self._path} cannot be read: {error}") from error
        if token and not is_token(token):
            raise ChangesError(
                f"the token in {self._path} cannot be read: it is none; remove the file, and"
                " everybody is read anew"
            )
        return token

    def save(self, token: str) -> None:
        """Write a file beside the one that is there, and replace it once it is on the disk."""
        try:
            self._replace(token)
            self._sync_folder()
        except OSError as error:
            raise ChangesError(f"the token in {self._path} cannot be written: {error}") from error

    def _replace(self, token: str) -> None:
        handle, name = tempfile.mkstemp(prefix=self._path.name, dir=self._path.parent)
        try:
            with open(handle, "w") as file:
                file.write(token)
                file.flush()
                _sync(file.fileno())
            os.replace(name, self._path)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise

    def _sync_folder(self) -> None:
        """Make the new name of the file durable, too, where a folder can be opened."""
        try:
            folder = os.open(self._path.parent, os.O_RDONLY)
        except OSError:
            return  # Windows opens none, and some accounts may write into one and not read it
        try:
            _sync(folder)
        finally:
            os.close(folder)


def _sync(descriptor: int) -> None:
    """Wait until it is on the disk, where the file system can tell."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in CANNOT_SYNC:
            raise
