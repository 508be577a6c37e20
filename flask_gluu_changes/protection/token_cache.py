"""What was found out about tokens, cached for as long as a revocation may go unnoticed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from cachetools import TLRUCache

from .. import forks
from ..observe.meter import Meter
from .caching import Clock, SingleFlight
from .claims import Claims, is_time

SIZE = 10_000
"""How many tokens are cached at most, and as many refused ones."""

NEGATIVE_SECONDS = 3.0
"""A refusal is repeated so long without asking, so that one wrong client is no burden."""

ENDLESS_SECONDS = 10.0
"""A token without `exp` is asked about again after this."""


class TokenCache:
    """Claims by token, for one process. Empty claims mean a refused token.

    Tokens are stored as hashes only. Refused tokens have a cache of their own, so that a flood of
    them evicts no good one.

    Args:
        seconds: How long good claims are cached at most; 0: every request asks.
        clock: Measures how old an entry is.

    Attributes:
        meter: Is told of each token that is known.
    """

    def __init__(self, *, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self.meter = Meter()
        self._lock = forks.new_lock()
        self._single_flight: SingleFlight[Claims] = SingleFlight()
        self._good = TLRUCache(SIZE, ttu=self._good_until, timer=clock.elapsed)
        self._refused = TLRUCache(SIZE, ttu=self._refused_until, timer=clock.elapsed)

    def get(self, token: str, ask: Callable[[], Claims]) -> Claims:
        """Return a token's claims, from `ask` if they are not cached.

        Threads that want the same token meanwhile share what `ask` returns or raises; exceptions
        are not cached.
        """
        if not self._seconds:
            return ask()
        key = key_of(token)
        found = self._find(key)
        if found is not None:
            self.meter.found_in_cache()
            return found
        return self._single_flight.share(key, lambda: self._ask(key, ask))

    def _ask(self, key: bytes, ask: Callable[[], Claims]) -> Claims:
        # Another thread may have stored the claims since this one looked for them.
        found = self._find(key)
        if found is not None:
            return found
        claims = ask()
        with self._lock:
            (self._good if claims else self._refused)[key] = claims
        return claims

    def _find(self, key: bytes) -> Claims | None:
        with self._lock:
            try:
                return self._good[key]  # its `get` would look for the key twice
            except KeyError:
                return self._refused.get(key)

    def _good_until(self, _: bytes, claims: Claims, elapsed: float) -> float:
        longest = self._seconds if claims.get("exp") else min(self._seconds, ENDLESS_SECONDS)
        left = (end - self._clock.now() for end in _ends(claims))
        return elapsed + min((longest, *left))

    def _refused_until(self, _: bytes, __: Claims, elapsed: float) -> float:
        return elapsed + min(self._seconds, NEGATIVE_SECONDS)


def key_of(token: str) -> bytes:
    """Return the hash under which something about a token is kept."""
    return hashlib.sha256(token.encode()).digest()


def _ends(claims: Claims) -> Iterator[float]:
    """List when a token ends, and when each of its permissions does, as NumericDates."""
    permissions = claims.get("permissions")
    grants = permissions if isinstance(permissions, list) else []
    for holder in (claims, *(grant for grant in grants if isinstance(grant, dict))):
        if is_time(holder.get("exp")):
            yield holder["exp"]
