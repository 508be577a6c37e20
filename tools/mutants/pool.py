"""Work in forked processes, several at a time, each for a limited time."""

from __future__ import annotations

import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

Work = Callable[[Path], None]
"""What a process does: it gets a folder of its own, and writes what is to be known into files."""

MAX_MEMORY = 8 * 2**30
PAUSE = 0.002


@dataclass
class Ended(Generic[T]):
    """A process that ended, or was ended when its time was over."""

    task: T
    pid: int
    folder: Path
    deadline: float
    timed_out: bool = False


def run_forked(
    tasks: Iterable[tuple[T, Work]], *, jobs: int, seconds: float, folder: Path
) -> Iterator[Ended[T]]:
    """Run each task in a fork of this process; yield them as they end.

    The next task is taken when its process is started, so that a generator may look at what ended.
    """
    left, running = iter(tasks), list[Ended[T]]()
    try:
        while True:
            while len(running) < jobs and (task := next(left, None)) is not None:
                running.append(_start(*task, seconds, Path(tempfile.mkdtemp(dir=folder))))
            if not running:
                return
            yield _wait(running)
    finally:
        for process in running:
            _kill(process)


def _start(task: T, work: Work, seconds: float, folder: Path) -> Ended[T]:
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _work(work, folder)
    return Ended(task, pid, folder, time.monotonic() + seconds)


def _work(work: Work, folder: Path) -> None:
    """Do it without a word, in a process group that can be ended as a whole."""
    try:
        os.setpgid(0, 0)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
        work(folder)
    finally:
        os._exit(0)


def _wait(running: list[Ended[T]]) -> Ended[T]:
    while True:
        for process in running:
            if os.waitpid(process.pid, os.WNOHANG)[0]:
                running.remove(process)
                _kill(process)  # whatever it left behind
                return process
            if not process.timed_out and time.monotonic() > process.deadline:
                process.timed_out = True
                _kill(process)
        time.sleep(PAUSE)


def _kill(process: Ended[T]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
