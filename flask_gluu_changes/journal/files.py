"""The files of a journal in SQLite: for their owner alone, and without what was removed.

SQLite gives -wal and -shm the mode of the database's own file, so that alone is made here.
"""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import Dialect, Engine, event

log = logging.getLogger(__name__)

OWNER_ONLY = 0o600

SAME_USER = (
    "run it as the user that runs `flask gluu-changes follow`, or give the file, its folder, -wal"
    " and -shm to a group of both users, and chmod 660 them"
)

_warned: set[Path] = set()


def keep_private(engine: Engine) -> None:
    """Have a journal's file made for its owner alone, and say what lets a user not open it."""
    event.listen(engine, "do_connect", _prepare)


def forget_overwritten(engine: Engine) -> None:
    """Empty the -wal, in which what was removed may still stand; readers may put it off."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        (patience,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute("PRAGMA busy_timeout=0")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute(f"PRAGMA busy_timeout={patience}")
    finally:
        connection.close()


def _prepare(dialect: Dialect, _: object, arguments: list[Any], options: dict[str, Any]) -> None:
    file = _file_of(str(arguments[0]), is_uri=bool(options.get("uri")))
    if file is None:
        return
    _make(file)
    if file.exists() and not os.access(file, os.R_OK, effective_ids=True):
        raise dialect.loaded_dbapi.OperationalError(f"this user may not read {file}; {SAME_USER}")
    _warn_if_open_to_all(file)


def _file_of(name: str, *, is_uri: bool) -> Path | None:
    """Return the file that SQLite opens; None where it is one in memory."""
    if is_uri and name.startswith("file:"):
        parts = urlsplit(name)
        name = "" if "mode=memory" in parts.query else unquote(parts.path)
    return None if name in ("", ":memory:") else Path(name)


def _make(file: Path) -> None:
    """Make the file, unless it is there. What keeps it from being made SQLite tells better."""
    try:
        made = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    except OSError:
        return
    try:
        os.fchmod(made, OWNER_ONLY)  # whatever the umask is
    finally:
        os.close(made)


def _warn_if_open_to_all(file: Path) -> None:
    if file in _warned or not file.exists() or not file.stat().st_mode & stat.S_IROTH:
        return
    _warned.add(file)
    log.warning("every user of this machine may read %s; chmod 600 it, its -wal and its -shm", file)
