"""Lines to a server that go bad: a relay that a test switches, and ports that say nothing."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.support.processes import HOST

START_TLS_GRANTED = bytes.fromhex("300c02010178070a010004000400")
"""An ExtendedResponse of success to the message 1 (RFC 4511, 4.12)."""

PART = 65536


class Port:
    """A loopback port whose connections are served by threads until the end of the test."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._listener = socket.create_server((HOST, 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self.accepted: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for held in (self._listener, *self.accepted):
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
            held.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                self.accepted.append(line)
                threading.Thread(target=self._run, args=(line,), daemon=True).start()

    def _run(self, line: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):  # it has been closed
            self._serve(line)


def silent_port() -> Port:
    """Accept, and say nothing."""
    return Port(lambda line: None)


def silent_start_tls() -> Port:
    """Grant StartTLS, and say nothing then."""

    def serve(line: socket.socket) -> None:
        line.recv(PART)
        line.sendall(START_TLS_GRANTED)

    return Port(serve)


class Relay(Port):
    """Passes everything on to a server, until a test has its lines drop it or stall."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._left: int | None = None
        self._dropped: set[socket.socket] = set()
        super().__init__(self._relay)

    def drop(self) -> None:
        """Lose what comes on the lines that there are now, as a firewall does that forgot them."""
        self._dropped.update(self.accepted)

    def stall(self, octets: int | None) -> None:
        """Pass on so many more octets of answers, and lose the others; None passes all."""
        self._left = octets

    def _relay(self, line: socket.socket) -> None:
        with socket.create_connection((HOST, self._to)) as server:
            while True:
                for end in select.select([line, server], [], [])[0]:
                    octets = end.recv(PART)
                    if not octets:
                        line.shutdown(socket.SHUT_RDWR)
                        return
                    if line in self._dropped:
                        continue
                    if end is line:
                        server.sendall(octets)
                    else:
                        line.sendall(self._of_answer(octets))

    def _of_answer(self, octets: bytes) -> bytes:
        if self._left is None:
            return octets
        passed = octets[: self._left]
        self._left -= len(passed)
        return passed
