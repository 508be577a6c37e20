"""Processes of this machine that lock a journal in a file, and how one that froze is ended."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path

from ..forks import process_tag

log = logging.getLogger(__name__)

WRITE_LOCK = "120"
"""The octet of SQLite's shared memory that a writer locks (its file format, section 4.2)."""


def end_process(holder: str, memory: str) -> None:
    """End a holder of the lease that was stopped while it locks a journal, and stays so.

    One that runs is only slow: it is never ended.

    holder: its name, with the tag of its process. memory: the file of SQLite's shared memory.
    """
    pid = holder.split(".")[1] if "." in holder else ""
    if not pid or int(pid) == os.getpid() or not holder.endswith(process_tag(int(pid)) or "?"):
        log.warning("the journal is locked by a process that does not move; end that process")
    elif not _has_write_lock(pid, memory):
        log.warning("the journal is locked, and not by process %s that fills it", pid)
    elif not _is_stopped(pid):
        log.warning("process %s, which fills the journal, is slow; waiting for it", pid)
    else:
        _kill(int(pid))


def _has_write_lock(pid: str, memory: str) -> bool:
    """Return whether Linux knows that a process has SQLite's lock for writing."""
    try:
        inode = Path(memory).stat().st_ino
        locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    except OSError:
        return False
    wanted = ("WRITE", pid, WRITE_LOCK)
    return any(
        (kind, owner, first) == wanted and file.endswith(f":{inode}")
        for *_, kind, owner, file, first, _ in locks
    )


def _is_stopped(pid: str) -> bool:
    """Return whether a process was stopped by a signal or a debugger (proc(5), state T or t)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state in {"T", "t"}


def _kill(pid: int) -> None:
    log.warning("process %d was stopped and keeps the journal locked; it is ended", pid)
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError as error:
        log.warning("process %d cannot be ended, end it yourself: %s", pid, error.strerror)
