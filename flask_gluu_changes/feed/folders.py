"""The folder in which the paging sessions of a host's applications are, each in one of its own."""

from __future__ import annotations

import logging
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from .folder_store import FOLDER_MODE, IN_USE

if sys.platform != "win32":  # where each process keeps its sessions for itself
    import fcntl

log = logging.getLogger(__name__)

LAYOUT = "2"
"""Of the files; processes with another one use another folder."""

_NAME = re.compile("[0-9a-f]{32}")

LEFT_SECONDS = 3600
"""How long the folder of an application stays that no process uses."""


def prepare_folder(setting: str) -> Path | None:
    """Return the folder for all applications of this user; None where there is none.

    It is made and tried at start, so that the operator learns then what is wrong.

    setting: the operator's own choice; empty: within the system's folder for temporary files.
    """
    if sys.platform == "win32":  # which lacks the locks for it
        return None
    try:
        folder = Path(setting) if setting else _default()
        with suppress(FileExistsError):
            folder.mkdir(mode=FOLDER_MODE)
        if (wrong := _wrong_with(folder)) is None:
            return folder
    except OSError as error:
        wrong = error.strerror or type(error).__name__
    log.warning(
        "paging sessions are kept by each process for itself, since the folder for them cannot be"
        " used: %s; set GLUU_CHANGES_PAGING_FOLDER to one that this user alone may write",
        wrong,
    )
    return None


def application_folder(folder: Path, identity: str) -> Path:
    """Return the folder of an application within that of all.

    identity: a text that is the same for all processes that give the same answers.
    """
    name = blake2b(f"{LAYOUT}\n{identity}".encode(), digest_size=16).hexdigest()
    return folder / name


def delete_left(folder: Path) -> None:
    """Delete the folders of applications that nobody has used for long, and nothing else."""
    for path in folder.iterdir():
        if _NAME.fullmatch(path.name) and not path.is_symlink():
            with suppress(OSError):
                _delete_unless_used(path)


def _delete_unless_used(path: Path) -> None:
    descriptor = os.open(path / IN_USE, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if max(file.stat().st_mtime for file in path.iterdir()) < time.time() - LEFT_SECONDS:
            shutil.rmtree(path)
    finally:
        os.close(descriptor)


def _default() -> Path:
    return Path(tempfile.gettempdir()) / f"gluu-changes-{os.geteuid()}"


def _wrong_with(folder: Path) -> str | None:
    """Say why a folder is not for this user alone; None where it is."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return f"{folder} is no folder"
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        return f"{folder} is not this user's alone (mode 700)"
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        return f"this user may not write {folder}"
    return None
