"""Files that others read while they are written: they are replaced as a whole."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from .errors import SyncError


def replace_file(path: Path, text: str, mode: int = 0o644) -> None:
    """Put a text in place of a file's; whoever reads it sees the old one or the new one.

    Args:
        path: The file. What is no file, such as /dev/stderr, is written to.
        text: What it shall hold.
        mode: Who may read it.

    Raises:
        SyncError: It cannot be written.
    """
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            path.write_text(text)
        else:
            _replace(path, text, mode)
    except OSError as error:
        raise SyncError(f"{path} cannot be written: {error.strerror}") from error


def _replace(path: Path, text: str, mode: int) -> None:
    # a name with a dot: node_exporter reads every *.prom in its folder
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(handle, mode)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
