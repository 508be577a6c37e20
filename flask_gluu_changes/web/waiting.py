"""`Prefer: wait`: a request that waits for a change, if there is a thread for that."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Response, request

from ..journal.protocol import Position, SequenceBackend
from ..observe.observation import observed
from ..protection import Guard
from ..settings.journal import JournalSettings
from ..wsgi import Connection
from .capacity import Capacity, Kind
from .checking import check

CLIENT_HAS_GONE = 499
"""Nobody reads this answer; nginx logs such requests by this number."""

ASK_AGAIN = 5
"""Seconds after which a client that may not wait should ask again, if it wanted to wait as long."""

_WAIT = re.compile(r'(?:^|[,;])\s*wait\s*=\s*"?([0-9]{1,9})"?\s*(?=$|[,;])', re.IGNORECASE)


class Waiting:
    """Lets requests wait for a change in a journal.

    guard: tells clients apart, and looks at their tokens again after a wait.
    """

    def __init__(
        self,
        backend: SequenceBackend,
        settings: JournalSettings,
        capacity: Capacity,
        guard: Guard,
    ) -> None:
        self._backend = backend
        self._longest = int(settings.max_wait_seconds)
        self._capacity = capacity
        self._guard = guard

    def answer(self, position: Position | None, respond: Callable[[], Response]) -> Response:
        """Respond at once, or after something came behind a position if that is preferred.

        `Preference-Applied` says for how many seconds the request was let wait. Where none can be,
        `Retry-After` says when to ask again.
        """
        preferred = _preferred()
        if not preferred or position is None or not position.is_end:
            return respond()
        granted = self._grant(preferred)
        # a client that need not wait takes no place from those who do
        is_early = not self._backend.read_slice(position, 1).order
        if granted and is_early and not self._wait(position, granted):
            return Response(status=CLIENT_HAS_GONE)
        response = respond()
        if granted:
            response.headers["Preference-Applied"] = f"wait={granted}"
        elif is_early:
            response.headers["Retry-After"] = str(min(preferred, ASK_AGAIN))
        return response

    def _grant(self, preferred: int) -> int:
        """Return the seconds that a request may wait: none on the only thread of a server."""
        may_wait = self._longest and self._capacity.limits.of_kind[Kind.WAIT]
        return min(preferred, self._longest) if may_wait else 0

    def _wait(self, position: Position, seconds: int) -> bool:
        """Wait for a change; return whether the client is still there, and let pass."""
        observed().note_waits()
        connection = Connection(request.environ)
        with self._capacity.take(Kind.WAIT, self._guard.caller()):
            self._backend.wait(position, seconds, gone=connection.has_gone)
        if connection.has_gone():
            return False
        check(self._guard)  # its token may have ended meanwhile
        return True


def _preferred() -> int:
    """Return how many seconds a request prefers to wait for a change; 0 for not at all."""
    # where a header comes twice, servers join its values
    preferred = _WAIT.search(request.environ.get("HTTP_PREFER", ""))
    return int(preferred[1]) if preferred else 0
