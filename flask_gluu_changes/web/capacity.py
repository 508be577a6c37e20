"""How many requests may hold a thread for long, so that others find one free.

Four kinds of requests do: those that wait for a change, those that read a large answer from the
store, those that wait for one that another request reads, and those that send a stream or a large
page. Together they get half of a server's threads, each kind a part of these, and one client half
of that.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from random import randint
from time import monotonic

from flask import Response, request

from .. import forks
from ..errors import GluuChangesError
from ..observe.meter import Meter
from ..scim import error_response
from ..wsgi import threads_of

log = logging.getLogger(__name__)

RETRY_AFTER = 3, 10
"""Between so many seconds a client that found no place is told to come again: if all came at the
same moment, they would find none again."""

LOG_INTERVAL = 60.0
"""Seconds between two lines in the log about the same kind: there may be thousands of refusals."""


class Kind(Enum):
    """What holds a thread, as the log and the client are told."""

    WAIT = "wait for a change"
    READING = "have a large answer read from the store"
    SHARING = "wait for a large answer that is read from the store"
    SENDING = "are sent a long answer"


class Busy(GluuChangesError):
    """There is no thread for this request at the moment.

    is_own: whether the client's own other requests are the reason.
    """

    def __init__(self, kind: Kind, *, is_own: bool) -> None:
        super().__init__(f"too many requests {kind.value}")
        self.kind = kind
        self.is_own = is_own

    def answer(self) -> Response:
        """Return 429 to a client that asks too much at a time, else 503."""
        whose = "of this client " if self.is_own else ""
        detail = f"Too many requests {whose}{self.kind.value} at the moment. Try again later."
        response = error_response(429 if self.is_own else 503, detail, reason="busy")
        response.headers["Retry-After"] = str(randint(*RETRY_AFTER))  # noqa: S311 - no secret
        return response


@dataclass(frozen=True)
class Limits:
    """So many requests may hold a thread: of each kind, of one client, and in all."""

    of_kind: Mapping[Kind, int]
    in_all: int

    @classmethod
    def of(cls, threads: int, max_waiters: int) -> Limits:
        """Return the limits for so many threads; `max_waiters` is the operator's own limit."""
        in_all = max(1, threads // 2)
        part = max(1, in_all * 3 // 4)
        of_kind = {
            # who waits on the only thread would keep everybody from being answered
            Kind.WAIT: min(max_waiters, part) if threads > 1 else 0,
            # Python reads for one at a time anyway
            Kind.READING: min(2, part),
            Kind.SHARING: part,
            Kind.SENDING: part,
        }
        return cls(of_kind, in_all)

    def of_client(self, kind: Kind) -> int:
        """Return how many requests of one kind a single client may have."""
        return (self.of_kind[kind] + 1) // 2


class Capacity:
    """Counts the requests of one process that hold a thread for long.

    find_limits: called at the first such request, since only then the server is known. meter: is
    told of those who wait.
    """

    def __init__(
        self, find_limits: Callable[[], Limits], clock: Callable[[], float] = monotonic
    ) -> None:
        self._find_limits = find_limits
        self._clock = clock
        self._limits: Limits | None = None
        # a garbage collection within it may give places back
        self._lock = threading.RLock()
        self._held: Counter[tuple[Kind, str]] = Counter()
        self._of_kind: Counter[Kind] = Counter()
        self._logged: dict[Kind, float] = {}
        self.meter = Meter()
        forks.in_child(self, Capacity._forget_inherited)

    @classmethod
    def of_server(cls, server_threads: int, max_waiters: int) -> Capacity:
        """Return the capacity of the server that answers the first such request.

        server_threads: the operator's own number of its threads; 0: it is asked.
        """

        def find_limits() -> Limits:
            return Limits.of(server_threads or threads_of(request.environ), max_waiters)

        return cls(find_limits)

    @property
    def limits(self) -> Limits:
        """The limits of this process."""
        if self._limits is None:
            self._limits = self._find_limits()
        return self._limits

    def take(self, kind: Kind, client: str) -> Place:
        """Return a place that is held until it is given back; raise Busy where there is none."""
        refusal = self._count(kind, client)
        if refusal is not None:
            self._log(refusal)
            raise refusal
        if kind is Kind.WAIT:
            self.meter.waiting(1)
        return Place(self, kind, client)

    def give_back(self, kind: Kind, client: str) -> None:
        """Count one place of a client less."""
        if kind is Kind.WAIT:
            self.meter.waiting(-1)
        with self._lock:
            self._of_kind[kind] -= 1
            self._held[kind, client] -= 1
            if not self._held[kind, client]:
                del self._held[kind, client]

    def _forget_inherited(self) -> None:
        """Hold none of the places that requests of the parent have."""
        self._lock = threading.RLock()
        self._held.clear()
        self._of_kind.clear()

    def _count(self, kind: Kind, client: str) -> Busy | None:
        limits = self.limits
        with self._lock:
            if self._held[kind, client] >= limits.of_client(kind):
                return Busy(kind, is_own=True)
            if self._of_kind[kind] >= limits.of_kind[kind] or self._is_full(limits):
                return Busy(kind, is_own=False)
            self._held[kind, client] += 1
            self._of_kind[kind] += 1
        return None

    def _is_full(self, limits: Limits) -> bool:
        return self._of_kind.total() >= limits.in_all

    def _log(self, refusal: Busy) -> None:
        now, kind = self._clock(), refusal.kind
        if now - self._logged.get(kind, -LOG_INTERVAL) >= LOG_INTERVAL:
            self._logged[kind] = now
            log.warning(
                "too many requests %s; at most %d of this process may, and %d of one client:"
                " others get 503 or 429",
                kind.value,
                self.limits.of_kind[kind],
                self.limits.of_client(kind),
            )


class Place:
    """A thread that one request may hold; given back once, at the latest with the object."""

    def __init__(self, capacity: Capacity, kind: Kind, client: str) -> None:
        self._capacity: Capacity | None = capacity
        self._kind = kind
        self._client = client

    def give_back(self) -> None:
        """Give it back; a second time does nothing."""
        capacity, self._capacity = self._capacity, None
        if capacity is not None:
            capacity.give_back(self._kind, self._client)

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()

    def __del__(self) -> None:
        # a host may replace an answer whose body was never begun, and so is never closed
        self.give_back()
