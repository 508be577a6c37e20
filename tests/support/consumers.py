"""A consumer of the feed over HTTP, in a thread, whatever becomes of those who serve it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import cycle
from types import TracebackType
from typing import Any, Self

import httpx

from .replicas import TokenReplica
from .slapd import HOST

PAUSE = 0.02
"""Seconds between two runs."""


class InTurns(httpx.HTTPTransport):
    """Sends each request to the next one of several ports."""

    def __init__(self, ports: Sequence[int]) -> None:
        super().__init__()
        self._ports = cycle(ports)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(host=HOST, port=next(self._ports))
        return super().handle_request(request)


class StrictReplica(TokenReplica):
    """Lets no version go back, not even where everybody is read anew."""

    def _begin(self) -> None:
        self._told.clear()


class Consumer:
    """Follows the nodes on some ports, one after the other, until the end of the block.

    applied: so many batches were applied.
    """

    def __init__(self, *ports: int, count: int = 500) -> None:
        self.applied = 0
        self._http = httpx.Client(transport=InTurns(ports))
        self._replica = StrictReplica(self._http, count)
        self._end = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def people(self) -> dict[str, dict[str, list[Any]]]:
        """Drain the feed, and give everybody by inum."""
        self._stop()
        self._replica.drain()
        people = self._replica.people.values()
        return {attributes["inum"][0]: attributes for attributes in people}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()
        self._http.close()

    def _stop(self) -> None:
        self._end.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._end.wait(PAUSE):
                while self._replica.poll():
                    self.applied += 1
        except BaseException as error:
            self._error = error
