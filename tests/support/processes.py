"""What every server of the tests needs: a loopback port, and an end when Python ends.

It imports nothing that the core does not bring: the databases' tests run without python-ldap.
"""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
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


def is_stopped(process: int) -> bool:
    """Tell whether every thread of a process has heeded SIGSTOP, which takes effect a bit later."""
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
