"""Long answers: they take a place, go out in blocks, and end when their reader is too slow."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from time import monotonic
from typing import NoReturn

from flask import Response, request

from ..errors import BackendError
from ..protection import Guard
from ..wsgi import Connection
from .capacity import Capacity, Kind, Place

log = logging.getLogger(__name__)

BLOCK = 2**16
"""The most octets that are handed to the server at a time."""

GRACE = 10.0
"""Seconds that a reader may be behind the least pace."""

TOO_SLOW = "a client reads slower than GLUU_CHANGES_MIN_READ_RATE; its answer is broken off"


NOT_ALLOWED = "the token of a client has ended meanwhile; its answer is broken off"


class LongAnswers:
    """Sends what takes long, and reads what is large.

    least_rate: octets a second that a reader must take; 0: any. guard: tells clients apart.
    """

    def __init__(self, capacity: Capacity, least_rate: int, guard: Guard) -> None:
        self._capacity = capacity
        self._least_rate = least_rate
        self._guard = guard

    def reading(self) -> Place:
        """Return a place for reading a large answer from the store; raise Busy without one."""
        return self._capacity.take(Kind.READING, self._guard.caller())

    def sharing(self) -> Place:
        """Return a place for waiting until another request has read; raise Busy without one."""
        return self._capacity.take(Kind.SHARING, self._guard.caller())

    def sending(self) -> Place:
        """Return a place for sending a long answer; raise Busy without one."""
        return self._capacity.take(Kind.SENDING, self._guard.caller())

    def send(
        self,
        parts: Iterable[bytes],
        content_type: str,
        length: int | None = None,
        place: Place | None = None,
    ) -> Response:
        """Return a response that sends these parts.

        length: the octets of the whole body, if they are known. place: that of `sending`, where it
        was taken before the parts were read.

        Raises Busy where there is no place.
        """
        place = place or self.sending()
        pace = Pace(self._least_rate) if self._least_rate else None
        if pace is not None:
            Connection(request.environ).limit_sends(GRACE)
        body = PacedBody(parts, place, pace, self._guard.still_allowed())
        response = Response(body, content_type=content_type)  # which closes its body
        if length is not None:
            response.content_length = length
        return response


class Pace:
    """Whether a reader keeps up with so many octets a second, but for a grace of some seconds.

    What it reads faster is no credit for later.
    """

    def __init__(self, least_rate: int) -> None:
        self._least_rate = least_rate
        self._behind = 0.0

    def is_kept(self, octets: int, seconds: float) -> bool:
        """Take in how long a block took; return whether the reader is fast enough."""
        self._behind = max(0.0, self._behind + seconds - octets / self._least_rate)
        return self._behind <= GRACE


class PacedBody:
    """The body of an answer, block by block; its place is given back at its end.

    The time between two blocks is what the server needs to send one, that is the reader's.
    may_go_on: asked before each block but the first.
    """

    def __init__(
        self,
        parts: Iterable[bytes],
        place: Place,
        pace: Pace | None,
        may_go_on: Callable[[], bool],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._blocks = _blocks(parts)
        self._may_go_on = may_go_on
        self._place = place
        self._pace = pace
        self._clock = clock
        self._sent = 0
        self._handed = 0.0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._sent:
            self._check()
        try:
            block = next(self._blocks)
        except BackendError as error:
            self._break_off(f"an answer is broken off: {error}")
        self._sent, self._handed = len(block), self._clock()
        return block

    def close(self) -> None:
        """Give the place back, and end what makes the parts."""
        self._blocks.close()
        self._place.give_back()

    def _check(self) -> None:
        if self._pace and not self._pace.is_kept(self._sent, self._clock() - self._handed):
            self._break_off(TOO_SLOW)
        if not self._may_go_on():
            self._break_off(NOT_ALLOWED)

    def _break_off(self, reason: str) -> NoReturn:
        log.warning("%s", reason)
        # servers take it for a client that has gone, and close the connection
        raise BrokenPipeError(errno.EPIPE, reason)


def _blocks(parts: Iterable[bytes]) -> Generator[bytes, None, None]:
    for part in parts:
        if len(part) <= BLOCK:
            yield part
        else:
            for start in range(0, len(part), BLOCK):
                yield part[start : start + BLOCK]
