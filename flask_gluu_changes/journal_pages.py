"""Answers of the token protocol, put together from the bytes that the journal keeps."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response

from .journal.desk import TokenDesk
from .journal.places import Part, Place
from .journal.selection import Selection
from .journal.sequence import SequenceBackend
from .journal.tokens import Token
from .timestamps import from_micros, to_instant

JSON = "application/json; charset=utf-8"
NDJSON = "application/x-ndjson"
STREAM_ROWS = 1000
"""Read at a time for a stream, whatever `count` says."""


class Pages:
    """Writes parts of runs as pages of JSON, or as a stream of lines."""

    def __init__(self, backend: SequenceBackend, desk: TokenDesk) -> None:
        self._backend = backend
        self._desk = desk

    def page(self, part: Part, selection: Selection, token: Token | None) -> Response:
        """Write one part, its entries as they stand in the journal unless a selection cuts them.

        token: of the request, which comes back where it is as good as a new one.
        """
        body = b'{"total":%d,%b"results":[%b],"removed":[%b],"itemsPerPage":%d,%b}' % (
            len(part.entries),
            _latest(part.latest),
            b",".join(selection.apply(part.entries)),
            b",".join(part.removed),
            len(part.order),
            self._goes_on(part.next, selection, token),
        )
        return Response(body, content_type=JSON)

    def stream(self, first: Part, selection: Selection, token: Token | None) -> Response:
        """Write a run to its end, a line each; only the last line makes it a whole one."""
        return Response(self._lines(first, selection, token), content_type=NDJSON)

    def _lines(self, part: Part, selection: Selection, token: Token | None) -> Iterator[bytes]:
        total = latest = 0
        while True:
            total, latest = total + len(part.entries), max(latest, part.latest)
            if part.order:
                yield b"\n".join(_mixed(part, selection.apply(part.entries))) + b"\n"
            if part.next.is_end:
                break
            part = self._backend.part(part.next, STREAM_ROWS)
        ending = self._goes_on(part.next, selection, token)
        yield b'{"total":%d,%b%b}\n' % (total, _latest(latest), ending)

    def _goes_on(self, place: Place, selection: Selection, before: Token | None) -> bytes:
        token, expiry = self._desk.issue(place, selection, before)
        if not place.is_end:
            return b'"nextCursor":"%b"' % token.encode()
        until = to_instant(from_micros(expiry).replace(microsecond=0))
        return b'"nextDeltaToken":{"value":"%b","expiry":"%b"}' % (token.encode(), until.encode())


def _mixed(part: Part, entries: list[bytes]) -> Iterator[bytes]:
    """Put entries and removals in their order again; a removal's line says what it is."""
    shown, gone = iter(entries), iter(part.removed)
    for is_entry in part.order:
        yield next(shown) if is_entry else b'{"@changeType":"removed",' + next(gone)[1:]


def _latest(micros: int) -> bytes:
    return b'"latestUpdateAt":"%b",' % to_instant(from_micros(micros)).encode() if micros else b""
