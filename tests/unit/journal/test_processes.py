"""Which process that locks a journal in a file is ended: one that was stopped, and no other."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flask_gluu_changes.forks import process_tag
from flask_gluu_changes.journal.processes import end_process

LOCKS = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA journal_mode=WAL")
database.execute("CREATE TABLE t (x)")
database.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def _locking(file: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that has SQLite's lock for writing."""
    command = [sys.executable, "-c", LOCKS, str(file)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "locked\n"
        try:
            yield process
        finally:
            process.kill()


def _end(process: subprocess.Popen[str], file: Path) -> None:
    end_process(f"abc{process_tag(process.pid)}", f"{file}-shm")


def test_one_that_was_stopped_is_ended(tmp_path: Path) -> None:
    """Nothing else takes the lock away from it."""
    with _locking(tmp_path / "journal") as process:
        os.kill(process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        _end(process, tmp_path / "journal")
        assert process.wait(10) == -signal.SIGKILL


def test_one_that_runs_is_only_slow(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is waited for, and the log says so."""
    caplog.set_level(logging.WARNING)
    with _locking(tmp_path / "journal") as process:
        _end(process, tmp_path / "journal")
        assert process.poll() is None
    assert caplog.messages == [
        f"process {process.pid}, which fills the journal, is slow; waiting for it"
    ]


def test_one_that_locks_another_file_is_not_ended(tmp_path: Path) -> None:
    """Whoever has the lock is not the holder of the lease."""
    with _locking(tmp_path / "another") as process:
        (tmp_path / "journal-shm").touch()
        os.kill(process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        _end(process, tmp_path / "journal")
        assert process.poll() is None


def test_another_process_of_the_same_number_is_not_ended(tmp_path: Path) -> None:
    """A number may be given again; the time of the start tells them apart."""
    with _locking(tmp_path / "journal") as process:
        os.kill(process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        end_process(f"abc.{process.pid}.1.1", f"{tmp_path / 'journal'}-shm")
        assert process.poll() is None
