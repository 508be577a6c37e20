"""How much those who have shown no good token may make this server ask the authorization server.

A flood of bad tokens must neither reach that server, nor take the connections from good ones, nor
hold every thread while that server is stuck.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from authlib.oauth2 import OAuth2Error
from cachetools import LRUCache
from flask import has_request_context, request

from .. import forks
from ..wsgi import threads_of
from .caching import Clock, Passing
from .claims import Claims
from .guard import client_address
from .http import MAX_CONNECTIONS, AuthorizationServerNotAsked
from .token_cache import key_of

BURST = 50
"""So many questions one address may cause at once."""

PER_SECOND = 10.0
"""And so many in a second from then on."""

ADDRESSES = 10_000
"""Those who asked last are remembered."""

TOKENS = 10_000
"""As many tokens that were good when they were looked at last."""

PLACES = MAX_CONNECTIONS // 2
"""Connections that questions about unknown tokens may use; the others are for the known ones."""


class TooManyQuestions(OAuth2Error, Passing):  # type: ignore[misc]
    """One address causes so many questions that the next has to wait; it is answered 429."""


class Allowance:
    """Counts for each address how many questions it may still cause (a token bucket)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = forks.new_lock()
        self._left: LRUCache[str, tuple[float, float]] = LRUCache(ADDRESSES)

    def spend(self, address: str) -> None:
        """Take one question from what an address has left, or raise TooManyQuestions."""
        if not self._change(address, -1):
            raise TooManyQuestions

    def give_back(self, address: str) -> None:
        """Return a question, because it turned out to be about a good token."""
        self._change(address, 1)

    def _change(self, address: str, by: int) -> bool:
        with self._lock:
            now = self._clock.elapsed()
            had, since = self._left.get(address, (BURST, now))
            left = min(had + (now - since) * PER_SECOND, BURST) + by
            if left < 0:
                return False
            self._left[address] = (left, now)
            return True


class AskingLimits:
    """Asks about tokens: about known ones always, about others within limits.

    Args:
        seconds: The longest wait for a place among those who ask about unknown tokens.
        clock: Measures what an address may cause.

    Attributes:
        allowance: What addresses have left.
    """

    def __init__(self, seconds: float, clock: Clock) -> None:
        self.allowance = Allowance(clock)
        self._seconds = seconds
        self._renew_places()
        forks.in_child(self, AskingLimits._renew_places)
        self._lock = forks.new_lock()
        self._known: LRUCache[bytes, bool] = LRUCache(TOKENS)

    def _renew_places(self) -> None:
        self._places: Places | None = None  # only a request tells of the server's threads

    def ask(self, token: str, ask: Callable[[], Claims]) -> Claims:
        """Return what `ask` does; empty claims mean a bad token.

        Raises:
            TooManyQuestions: The address of the request has caused too many.
            AuthorizationServerNotAsked: Others have all places.
        """
        key = key_of(token)
        with self._lock:
            is_known = self._known.get(key, False)
        claims = ask() if is_known else self._ask_for_unknown(ask)
        with self._lock:
            if claims:
                self._known[key] = True
            else:
                self._known.pop(key, None)
        return claims

    @contextmanager
    def for_stranger(self) -> Iterator[None]:
        """Hold a place for what a request causes that has shown no good token.

        Raises:
            TooManyQuestions: The address of the request has caused too many.
            AuthorizationServerNotAsked: Others have all places.
        """
        address = client_address()
        self.allowance.spend(address)
        if self._places is None:
            self._places = Places.of(_threads(), self._seconds)
        try:
            with self._places.take():
                yield
        except AuthorizationServerNotAsked:
            self.allowance.give_back(address)
            raise

    def _ask_for_unknown(self, ask: Callable[[], Claims]) -> Claims:
        with self.for_stranger():
            claims = ask()
        if claims:
            self.allowance.give_back(client_address())
        return claims


class Places:
    """Threads that questions about unknown tokens may hold: some ask, a few more wait for that.

    Args:
        asking: So many ask at a time.
        waiting: So many wait for a place to ask.
        seconds: The longest such wait.
    """

    def __init__(self, asking: int, waiting: int, seconds: float) -> None:
        self._present = threading.BoundedSemaphore(asking + waiting)
        self._asking = threading.BoundedSemaphore(asking)
        self._seconds = seconds

    @classmethod
    def of(cls, threads: int, seconds: float) -> Places:
        """Return the places of a server with so many threads: a quarter to ask, half that to wait.

        Where there is one thread, nothing is to be shared.
        """
        if threads == 1:
            return cls(PLACES, PLACES, seconds)
        return cls(min(PLACES, max(1, threads // 4)), threads // 8, seconds)

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold a place to ask, or raise AuthorizationServerNotAsked."""
        with _held(self._present, 0), _held(self._asking, self._seconds):
            yield


@contextmanager
def _held(places: threading.BoundedSemaphore, seconds: float) -> Iterator[None]:
    if not places.acquire(timeout=seconds):
        raise AuthorizationServerNotAsked
    try:
        yield
    finally:
        places.release()


def _threads() -> int:
    return threads_of(request.environ) if has_request_context() else 1
