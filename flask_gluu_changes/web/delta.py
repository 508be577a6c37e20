"""The token forms of the operation, and the journal's status.

Answers are composed of the bytes that the journal holds.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import chain
from time import time_ns
from typing import Any
from urllib.parse import urlencode

from flask import Response, jsonify, request
from flask_smorest import Blueprint
from werkzeug.http import quote_etag

from ..feed.parts import LARGE
from ..journal.protocol import Position, ResyncRequired, SequenceBackend, Slice
from ..journal.selection import Selection
from ..journal.tokens import InvalidToken, Kind, SelectionChanged, Token, TokenIssuer
from ..journal.view import HostView
from ..observe.observation import Observation, observed
from ..scim import JSON, error_response
from ..settings.journal import JournalSettings
from ..timestamps import MICROSECOND, from_micros, to_instant
from ..visibility import Visibility
from .capacity import Place
from .long_answers import LongAnswers
from .query import LATEST
from .waiting import Waiting

log = logging.getLogger(__name__)

NDJSON = "application/x-ndjson"
LINE_END = b"\n"
STREAM_ROWS = 1000
"""The rows that are read at a time for a stream, whatever `count` says."""

CARRIED_PARAMS = ("count", "attributes", "excludedAttributes")
"""The parameters that are carried from a refused run into the full run that Location leads to."""


@dataclass(frozen=True)
class DeltaRequest:
    """What a request asks for; `token` is where to go on, None for everything there is."""

    token: Token | None
    selection: Selection
    count: int
    streamed: bool

    @property
    def position(self) -> Position | None:
        """The position from which to go on."""
        return self.token.position if self.token else None

    @property
    def after(self) -> int:
        """The number of the last change that the client has."""
        return self.token.position.after if self.token else 0

    @property
    def rows(self) -> int:
        """The number of rows to read at a time."""
        return STREAM_ROWS if self.streamed else self.count

    @property
    def separator(self) -> bytes:
        """What stands between two entries; empty where each is looked at."""
        return b"" if self.selection else LINE_END if self.streamed else b","

    @property
    def form(self) -> str:
        """What tells this answer from others after the same position, for the entity tag."""
        return NDJSON if self.streamed else f"{self.count}"


class DeltaEndpoint:
    """Answers requests with `cursor` or `deltaToken`."""

    def __init__(
        self,
        backend: SequenceBackend,
        settings: JournalSettings,
        visibility: Visibility,
        lag: timedelta,
        waiting: Waiting,
        long_answers: LongAnswers,
        settings_digest: str = "",
    ) -> None:
        settings.check()
        self.backend = backend
        self._issuer = TokenIssuer(settings, visibility)
        self._view = HostView(backend, settings_digest, visibility)
        self._pages = PageWriter(self._view, self._issuer, lag, long_answers)
        self._long_answers = long_answers
        self._waiting = waiting

    def answer(self, arguments: dict[str, Any]) -> Response:
        """Return a page, a stream, or 304.

        Raises InvalidToken, SelectionChanged or ResyncRequired for a token that cannot be used.
        """
        selection = Selection.of(
            arguments.get("attributes", ()), arguments.get("excludedAttributes", ())
        )
        if arguments.get("deltaToken") == LATEST:
            return self._token_from_now_on(selection)
        asked = DeltaRequest(
            self._token(arguments, selection), selection, arguments["count"], _wants_stream()
        )
        kind = "cursor" if "cursor" in arguments else "deltaToken"
        observed().note_asked(kind, after=asked.after, count=asked.count)
        return self._waiting.answer(asked.position, partial(self._unless_matched, asked))

    def status(self) -> Response:
        """Return the status of the journal."""
        status = self.backend.status()
        at = to_instant(from_micros(status.confirmed_at)) if status.confirmed_at else None
        response = jsonify(
            level=status.level,
            why=status.why,
            epoch=status.epoch,
            head=status.head,
            built=status.built,
            confirmedAt=at,
            quarantined=status.quarantined,
            heldRemovals=status.held,
        )
        return _not_stored(response)

    def add_error_handlers(self, blueprint: Blueprint) -> None:
        """Register the answers to refused tokens."""
        blueprint.register_error_handler(InvalidToken, _invalid_token)
        blueprint.register_error_handler(SelectionChanged, _selection_changed)
        blueprint.register_error_handler(ResyncRequired, _resync_required)

    def _token_from_now_on(self, selection: Selection) -> Response:
        observed().note_asked("deltaToken")
        head = self._view.read_slice(None, 1).head
        asked = DeltaRequest(None, selection, 0, _wants_stream())
        return _not_stored(self._write(Slice([], [], [], 0, head, head), asked))

    def _token(self, arguments: dict[str, Any], selection: Selection) -> Token | None:
        if arguments.get("cursor") == "":
            return None
        kind = Kind.CURSOR if "cursor" in arguments else Kind.DELTA
        text = arguments["cursor" if kind is Kind.CURSOR else "deltaToken"]
        try:
            return self._issuer.verify(text, kind, selection)
        except ResyncRequired:
            # 503 while the settings are not the journal's: once they are right, the token is good
            self._view.read_slice(None, 1)
            raise

    def _unless_matched(self, asked: DeltaRequest) -> Response:
        """Answer 304 where the client has this answer, unless its token should be replaced."""
        head, response = self._head_to_match(asked), None
        if head is not None:
            tag = self._issuer.tag(head, asked.after, asked.selection, asked.form)
            response = Response(status=304) if request.if_none_match.contains_weak(tag) else None
        if response is None:
            slice_, response = self._read(asked)
            # of the head that was read with the slice: the one looked at before may be older
            tag = self._issuer.tag(slice_.head, asked.after, asked.selection, asked.form)
        response.headers.add("ETag", quote_etag(tag, weak=True))
        return _not_stored(response)

    def _head_to_match(self, asked: DeltaRequest) -> Position | None:
        """Return the journal's head where the client may have the answer already, else None."""
        if "HTTP_IF_NONE_MATCH" not in request.environ:
            return None  # as most clients ask
        if not request.if_none_match or (asked.token and not self._issuer.is_young(asked.token)):
            return None
        return self.backend.latest(asked.position)

    def _read(self, asked: DeltaRequest) -> tuple[Slice, Response]:
        """Read the first slice and answer with it; of a stream not before there is a place."""
        place = self._long_answers.sending() if asked.streamed else None
        try:
            slice_ = self._view.read_slice(asked.position, asked.rows, asked.separator)
            return slice_, self._write(slice_, asked, place)
        except BaseException:
            if place is not None:
                place.give_back()
            raise

    def _write(self, slice_: Slice, asked: DeltaRequest, place: Place | None = None) -> Response:
        if not asked.streamed:
            return self._pages.page(slice_, asked.selection, asked.token)
        return self._pages.stream(slice_, asked.selection, asked.token, place)


class PageWriter:
    """Writes slices of the journal as pages of JSON, or as a stream of lines.

    lag: how far the clocks of writers may be ahead of this machine's; no latest change is later.
    """

    def __init__(
        self,
        view: HostView,
        issuer: TokenIssuer,
        lag: timedelta,
        long_answers: LongAnswers,
    ) -> None:
        self._view = view
        self._issuer = issuer
        self._lag = lag // MICROSECOND
        self._long_answers = long_answers

    def page(self, slice_: Slice, selection: Selection, token: Token | None) -> Response:
        """Write one slice, its entries as they are in the journal unless a selection cuts them.

        token: the request's own, which is returned again where it is as good as a new one.
        """
        observed().note_told(slice_.total, len(slice_.removed))
        head = b'{"total":%d,%b"results":[' % (slice_.total, self._latest(slice_.latest))
        tail = b'],"removed":[%b],"itemsPerPage":%d,%b}' % (
            b",".join(slice_.removed),
            len(slice_.order),
            self._continuation(slice_.next, selection, token),
        )
        texts = selection.apply(slice_.entries)
        octets = sum(map(len, texts)) + max(0, len(texts) - 1)
        if octets <= LARGE:
            return Response(b"%b%b%b" % (head, b",".join(texts), tail), content_type=JSON)
        size = len(head) + octets + len(tail)
        *first, last = _joined(texts, slice_.total, b",")
        parts = chain([head], (text + b"," for text in first), [last, tail])
        return self._long_answers.send(parts, JSON, size)

    def stream(
        self, first: Slice, selection: Selection, token: Token | None, place: Place | None
    ) -> Response:
        """Write a run to its end, a line each; a run without its last line is not complete.

        place: for sending it, where it was taken already.
        """
        seen = observed()
        seen.note_stream(is_open=True)
        lines = self._lines(first, selection, token, seen)
        return self._long_answers.send(lines, NDJSON, place=place)

    def _lines(
        self, slice_: Slice, selection: Selection, token: Token | None, seen: Observation
    ) -> Iterator[bytes]:
        total = latest = 0
        while True:
            total, latest = total + slice_.total, max(latest, slice_.latest)
            if slice_.order:
                seen.note_told(slice_.total, len(slice_.removed))
                lines = _in_order(slice_, selection.apply(slice_.entries))
                for text in _joined(lines, len(slice_.order), LINE_END):
                    yield text + LINE_END
            if slice_.next.is_end:
                break
            separator = b"" if selection else LINE_END
            slice_ = self._view.read_slice(slice_.next, STREAM_ROWS, separator)
        ending = self._continuation(slice_.next, selection, token)
        seen.note_stream(is_open=False)
        yield b'{"total":%d,%b%b}\n' % (total, self._latest(latest), ending)

    def _latest(self, micros: int) -> bytes:
        if not micros:
            return b""
        credible = min(micros, time_ns() // 1000 + self._lag)
        return b'"latestUpdateAt":"%b",' % to_instant(from_micros(credible)).encode()

    def _continuation(
        self, position: Position, selection: Selection, before: Token | None
    ) -> bytes:
        token, expiry = self._issuer.issue(position, selection, before)
        if not position.is_end:
            return b'"nextCursor":"%b"' % token.encode()
        until = to_instant(from_micros(expiry).replace(microsecond=0))
        return b'"nextDeltaToken":{"value":"%b","expiry":"%b"}' % (token.encode(), until.encode())


def _joined(texts: list[bytes], total: int, separator: bytes) -> list[bytes]:
    """Return so many entries as few texts: as they are if they come joined, else as one.

    Joined ones stay apart, so that whoever sends them has no copy of all.
    """
    return [separator.join(texts)] if len(texts) == total else texts


def _in_order(slice_: Slice, entries: list[bytes]) -> list[bytes]:
    """Return entries and removals in the order of change; a removal's line names its type."""
    if not slice_.removed:
        return entries
    shown, removed = iter(entries), iter(slice_.removed)
    return [
        next(shown) if is_entry else b'{"@changeType":"removed",' + next(removed)[1:]
        for is_entry in slice_.order
    ]


def _wants_stream() -> bool:
    # most clients never stream, and parsing the header takes longer than this
    if NDJSON not in request.environ.get("HTTP_ACCEPT", "").lower():
        return False
    offered = ["application/json", NDJSON]
    return request.accept_mimetypes.best_match(offered, offered[0]) == NDJSON


def _not_stored(response: Response) -> Response:
    # of an answer that has neither yet: looking for them takes as long as adding them
    response.headers.add("Cache-Control", "no-store")
    response.headers.add("Vary", "Accept")
    return response


def _invalid_token(error: InvalidToken) -> Response:
    detail = f"This is no token of this server: {error}. Begin with a full run: cursor="
    return error_response(400, detail, "invalidCursor")


def _selection_changed(error: SelectionChanged) -> Response:
    return error_response(400, f"The parameters changed on the way: {error}.", "invalidValue")


def _resync_required(error: ResyncRequired) -> Response:
    """Answer with the URL of a full run; never start one silently."""
    log.info("resync required: %s", error)
    carried = {name: request.args[name] for name in CARRIED_PARAMS if name in request.args}
    detail = f"What came since cannot be told: {error}. Begin with a full run, as Location says."
    response = error_response(410, detail, "expiredCursor")
    query = urlencode({"cursor": "", **carried})
    response.headers["Location"] = f"{request.root_path}{request.path}?{query}"
    return response
