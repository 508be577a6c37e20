"""A server that misbehaves as a test wants it, and time that passes by sleeping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from flask_gluu_changes.client import ChangesClient, MemoryTokenStore
from flask_gluu_changes.client import requester as requester_module

URL = "https://changes.test/UpdatedUsers"

Answer = Callable[[httpx.Request], httpx.Response]


class Time:
    """Time that passes by sleeping, and by what answers take."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        assert 0 <= seconds <= 300
        self.now += seconds


class TooMany(Exception):
    """Ends a test that asks without end."""


def page(*ids: str, token: str = "", cursor: str = "") -> dict[str, Any]:
    """Make a page of changes."""
    results = [{"@id": i, "@version": 1, "@changeType": "created", "inum": [i]} for i in ids]
    end: dict[str, Any] = {"nextDeltaToken": {"value": token}} if token else {"nextCursor": cursor}
    return {"results": results, **end}


def client_of(
    answer: Answer, *, time: Time | None = None, token: str = "", **more: Any
) -> ChangesClient:
    """Make a client of a server that answers by a function."""
    http = httpx.Client(transport=httpx.MockTransport(answer), auth=more.pop("auth", None))
    sleep = (time or Time()).sleep
    return ChangesClient(URL, MemoryTokenStore(token), http=http, sleep=sleep, **more)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The client's clock."""
    time = Time()
    monkeypatch.setattr(requester_module, "monotonic", time)
    return time


class Counting:
    """Answers by a function, and notes when it was asked."""

    def __init__(self, time: Time, answer: Callable[[int], httpx.Response], most: int = 50) -> None:
        self.asked: list[float] = []
        self._time = time
        self._answer = answer
        self._most = most

    def __call__(self, _: httpx.Request) -> httpx.Response:
        if len(self.asked) >= self._most:
            raise TooMany
        self.asked.append(self._time.now)
        return self._answer(len(self.asked))
