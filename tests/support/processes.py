"""What every server of the tests needs: a loopback port, and an end when Python ends.

It imports nothing that the core does not bring: the databases' tests run without python-ldap.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

HOST = "127.0.0.1"


def guard(pid: int) -> subprocess.Popen[bytes]:
    """Start a shell that ends `pid` when this Python is gone, however it went.

    Its standard input is a pipe that only Python holds, so a dead Python means end of file.
    """
    script = f"read -r _; kill -9 {pid}"
    return subprocess.Popen(
        ["sh", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@contextlib.contextmanager
def standing_still(process: int) -> Iterator[None]:
    """Have a process and its children do nothing, not even end a connection (SIGSTOP)."""
    processes = [process, *_children(process)]
    _signal(processes, signal.SIGSTOP)
    try:
        while not all(map(_is_stopped, processes)):
            os.sched_yield()
        yield
    finally:
        _signal(processes, signal.SIGCONT)


def _signal(processes: Iterable[int], number: int) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


def _children(process: int) -> list[int]:
    children = Path(f"/proc/{process}/task/{process}/children")
    return [int(child) for child in children.read_text().split()]


def _is_stopped(process: int) -> bool:
    """Tell whether every thread has heeded SIGSTOP, which takes effect a bit later."""
    states = Path(f"/proc/{process}/task").glob("*/stat")
    return all(state.read_text().rpartition(")")[2].split()[0] == "T" for state in states)


def free_port() -> int:
    """Choose a loopback port that is free and that no outgoing connection will be given.

    Ports from 32768 up are handed to clients: one of them could hold the port during a restart,
    or, polling a closed port, connect to itself.
    """
    for port in random.SystemRandom().sample(range(20_000, 32_000), 200):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return port
    raise RuntimeError("No free port was found.")
