"""gunicorn with two workers, and a client that costs the machine next to nothing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import chain
from pathlib import Path

from tests.support.slapd import HOST, free_port

ROOT = Path(__file__).parent.parent
WORKERS = 2
THREADS = 4
CLIENTS = 4
PATIENCE = 120.0


class KeepAlive:
    """One kept-alive connection that asks for a path and reads the whole body."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), PATIENCE)
        self._answers = self._socket.makefile("rb", 1 << 16)

    def get(self, path: str) -> bytes:
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        status, length = self._answers.readline(), 0
        while (line := self._answers.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body: bytes = self._answers.read(length)
        if b" 200 " not in status:
            raise RuntimeError(f"{path}: {status!r} {body!r}")
        return body

    def close(self) -> None:
        self._answers.close()
        self._socket.close()


@contextmanager
def connection(port: int) -> Iterator[KeepAlive]:
    client = KeepAlive(port)
    try:
        yield client
    finally:
        client.close()


def workers() -> list[int]:
    """Name the processes that the servers of this process have started."""
    return [worker for server in _children("self") for worker in _children(server)]


def _children(process: int | str) -> list[int]:
    return [
        int(child)
        for file in Path(f"/proc/{process}/task").glob("*/children")
        for child in file.read_text().split()
    ]


@contextmanager
def gunicorn(application: str, environment: Mapping[str, str]) -> Iterator[int]:
    """Serve an application factory on a free port of the loopback."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", application, "--bind", f"{HOST}:{port}"]
    command += ["--workers", str(WORKERS), "--threads", str(THREADS), "--worker-class", "gthread"]
    command += ["--keep-alive", "60", "--timeout", "600", "--log-level", "error"]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment})
    try:
        await_port(port)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE)


def peak(process: int | str = "self") -> float:
    """Read the most memory that a process has had, in MiB; getrusage adds its parent's."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def await_port(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(OSError), connection(port) as client:
            client.get("/tiny")
            return
        time.sleep(0.05)
    raise RuntimeError("gunicorn did not start")


def rate(port: int, path: str, seconds: float) -> float:
    """Ask for a path from several connections at a time; give requests per second."""
    with ExitStack() as opened, ThreadPoolExecutor(CLIENTS) as pool:
        clients = _spread(port, opened)
        started = time.perf_counter()
        total = sum(pool.map(partial(_ask, path, started + seconds), clients))
        return total / (time.perf_counter() - started)


def _ask(path: str, until: float, client: KeepAlive) -> int:
    count = 0
    while time.perf_counter() < until:
        client.get(path)
        count += 1
    return count


def _spread(port: int, opened: ExitStack) -> list[KeepAlive]:
    """Open as many connections to each worker; left to chance, they would be what is measured."""
    clients: dict[bytes, list[KeepAlive]] = {}
    while sum(map(len, clients.values())) < CLIENTS:
        client = opened.enter_context(connection(port))
        of_worker = clients.setdefault(client.get("/worker"), [])
        if len(of_worker) < CLIENTS // WORKERS:
            of_worker.append(client)
        else:
            client.close()
    return list(chain.from_iterable(clients.values()))
