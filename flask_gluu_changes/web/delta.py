"""The token forms of the operation, and the journal's status.

Answers are put together from the bytes that the journal keeps.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Response, jsonify, request
from flask_smorest import Blueprint
from werkzeug.http import quote_etag

from ..journal.protocol import Position, ResyncRequired, SequenceBackend, Slice
from ..journal.selection import Selection
from ..journal.tokens import InvalidToken, Kind, SelectionChanged, Token, TokenIssuer
from ..model import Visibility
from ..scim import error_response
from ..settings.journal import JournalSettings
from ..timestamps import from_micros, to_instant
from .query import LATEST

log = logging.getLogger(__name__)

JSON = "application/json; charset=utf-8"
NDJSON = "application/x-ndjson"
STREAM_ROWS = 1000
"""Read at a time for a stream, whatever `count` says."""


class PageWriter:
    """Writes parts of runs as pages of JSON, or as a stream of lines."""

    def __init__(self, backend: SequenceBackend, issuer: TokenIssuer) -> None:
        self._backend = backend
        self._issuer = issuer

    def page(self, slice_: Slice, selection: Selection, token: Token | None) -> Response:
        """Write one slice_, its entries as they stand in the journal unless a selection cuts them.

        token: of the request, which comes back where it is as good as a new one.
        """
        body = b'{"total":%d,%b"results":[%b],"removed":[%b],"itemsPerPage":%d,%b}' % (
            len(slice_.entries),
            _latest(slice_.latest),
            b",".join(selection.apply(slice_.entries)),
            b",".join(slice_.removed),
            len(slice_.order),
            self._goes_on(slice_.next, selection, token),
        )
        return Response(body, content_type=JSON)

    def stream(self, first: Slice, selection: Selection, token: Token | None) -> Response:
        """Write a run to its end, a line each; only the last line makes it a whole one."""
        return Response(self._lines(first, selection, token), content_type=NDJSON)

    def _lines(self, slice_: Slice, selection: Selection, token: Token | None) -> Iterator[bytes]:
        total = latest = 0
        while True:
            total, latest = total + len(slice_.entries), max(latest, slice_.latest)
            if slice_.order:
                yield b"\n".join(_mixed(slice_, selection.apply(slice_.entries))) + b"\n"
            if slice_.next.is_end:
                break
            slice_ = self._backend.read_slice(slice_.next, STREAM_ROWS)
        ending = self._goes_on(slice_.next, selection, token)
        yield b'{"total":%d,%b%b}\n' % (total, _latest(latest), ending)

    def _goes_on(self, position: Position, selection: Selection, before: Token | None) -> bytes:
        token, expiry = self._issuer.issue(position, selection, before)
        if not position.is_end:
            return b'"nextCursor":"%b"' % token.encode()
        until = to_instant(from_micros(expiry).replace(microsecond=0))
        return b'"nextDeltaToken":{"value":"%b","expiry":"%b"}' % (token.encode(), until.encode())


def _mixed(slice_: Slice, entries: list[bytes]) -> Iterator[bytes]:
    """Put entries and removals in their order again; a removal's line says what it is."""
    shown, gone = iter(entries), iter(slice_.removed)
    for is_entry in slice_.order:
        yield next(shown) if is_entry else b'{"@changeType":"removed",' + next(gone)[1:]


def _latest(micros: int) -> bytes:
    return b'"latestUpdateAt":"%b",' % to_instant(from_micros(micros)).encode() if micros else b""


CARRIED_PARAMS = ("count", "attributes", "excludedAttributes")
"""Parameters of a run that began in vain, which the full run takes over."""

_WAIT = re.compile(r'(?:^|[,;])\s*wait\s*=\s*"?([0-9]{1,9})"?\s*(?=$|[,;])', re.IGNORECASE)


@dataclass(frozen=True)
class DeltaRequest:
    """What a request wants. token: where to go on; None for everything there is."""

    token: Token | None
    selection: Selection
    count: int
    streamed: bool

    @property
    def position(self) -> Position | None:
        """Where to go on."""
        return self.token.position if self.token else None

    @property
    def after(self) -> int:
        """The position's number."""
        return self.token.position.after if self.token else 0

    @property
    def rows(self) -> int:
        """How many to read at once."""
        return STREAM_ROWS if self.streamed else self.count

    @property
    def form(self) -> str:
        """What makes this another answer than others from the same position, for the entity tag."""
        return NDJSON if self.streamed else f"{self.count}"


class DeltaEndpoint:
    """Answers requests with `cursor` or `deltaToken`."""

    def __init__(
        self, backend: SequenceBackend, settings: JournalSettings, visibility: Visibility
    ) -> None:
        settings.check()
        self.backend = backend
        self._settings = settings
        self._issuer = TokenIssuer(settings, visibility)
        self._pages = PageWriter(backend, self._issuer)

    def answer(self, arguments: dict[str, Any]) -> Response:
        """Give a page, a stream, or 304; what cannot be gone on from is raised."""
        wanted, unwanted = (
            arguments.get(name, ()) for name in ("attributes", "excludedAttributes")
        )
        selection = Selection.of(wanted, unwanted)
        if arguments.get("deltaToken") == LATEST:
            return self._from_now_on(selection)
        wanted_ = DeltaRequest(
            self._token(arguments, selection), selection, arguments["count"], _wants_stream()
        )
        waited = self._wait(wanted_)
        response = self._unless_known(wanted_)
        if waited:
            response.headers["Preference-Applied"] = f"wait={waited}"
        return response

    def status(self) -> Response:
        """Tell how the journal is."""
        status = self.backend.status()
        at = to_instant(from_micros(status.confirmed_at)) if status.confirmed_at else None
        response = jsonify(
            level=status.level,
            why=status.why,
            epoch=status.epoch,
            head=status.head,
            built=status.built,
            confirmedAt=at,
        )
        return _private(response)

    def add_error_handlers(self, blueprint: Blueprint) -> None:
        """Give the blueprint the refusals of tokens."""
        blueprint.register_error_handler(InvalidToken, _invalid)
        blueprint.register_error_handler(SelectionChanged, _view_changed)
        blueprint.register_error_handler(ResyncRequired, _gone)

    def _from_now_on(self, selection: Selection) -> Response:
        head = self.backend.latest()
        wanted_ = DeltaRequest(None, selection, 0, _wants_stream())
        return _private(self._written(Slice([], [], [], 0, head, head), wanted_))

    def _token(self, arguments: dict[str, Any], selection: Selection) -> Token | None:
        if arguments.get("cursor") == "":
            return None
        kind = Kind.CURSOR if "cursor" in arguments else Kind.DELTA
        text = arguments["cursor" if kind is Kind.CURSOR else "deltaToken"]
        return self._issuer.verify(text, kind, selection)

    def _wait(self, wanted_: DeltaRequest) -> int:
        """Wait for news if that is wanted; give the seconds that were granted, 0 for none."""
        wanted = _WAIT.search(",".join(request.headers.getlist("Prefer")))
        if wanted is None or wanted_.position is None or not wanted_.position.is_end:
            return 0
        granted = min(int(wanted[1]), int(self._settings.max_wait_seconds))
        if not granted or not self._settings.max_waiters:
            return 0
        if not self.backend.read_slice(wanted_.position, 1).order:
            self.backend.wait(wanted_.position, granted, most=self._settings.max_waiters)
        return granted

    def _unless_known(self, wanted_: DeltaRequest) -> Response:
        """Answer 304 where the client has this answer, unless its token should be replaced."""
        head, response = self._known(wanted_), None
        if head is not None:
            tag = self._issuer.tag(head, wanted_.after, wanted_.selection, wanted_.form)
            response = Response(status=304) if request.if_none_match.contains_weak(tag) else None
        if response is None:
            slice_ = self.backend.read_slice(wanted_.position, wanted_.rows)
            response = self._written(slice_, wanted_)
            tag = self._issuer.tag(slice_.head, wanted_.after, wanted_.selection, wanted_.form)
        response.headers["ETag"] = quote_etag(tag, weak=True)
        return _private(response)

    def _known(self, wanted_: DeltaRequest) -> Position | None:
        """Look at the head alone where the client may have the answer already."""
        if not request.if_none_match or (
            wanted_.token and not self._issuer.is_young(wanted_.token)
        ):
            return None
        return self.backend.latest()

    def _written(self, slice_: Slice, wanted_: DeltaRequest) -> Response:
        write = self._pages.stream if wanted_.streamed else self._pages.page
        return write(slice_, wanted_.selection, wanted_.token)


def _wants_stream() -> bool:
    if NDJSON not in request.headers.get("Accept", "").lower():
        return False
    offered = ["application/json", NDJSON]
    return request.accept_mimetypes.best_match(offered, offered[0]) == NDJSON


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.vary.add("Accept")
    return response


def _invalid(error: InvalidToken) -> Response:
    detail = f"This is no token of this server: {error}. Begin with a full run: cursor="
    return error_response(400, detail, "invalidCursor")


def _view_changed(error: SelectionChanged) -> Response:
    return error_response(400, f"The parameters changed on the way: {error}.", "invalidValue")


def _gone(error: ResyncRequired) -> Response:
    """Say where everything can be had; never start over silently."""
    log.info("A client must begin anew: %s", error)
    kept = {name: request.args[name] for name in CARRIED_PARAMS if name in request.args}
    detail = f"What came since cannot be told: {error}. Begin with a full run, as Location says."
    response = error_response(410, detail, "expiredCursor")
    query = urlencode({"cursor": "", **kept})
    response.headers["Location"] = f"{request.root_path}{request.path}?{query}"
    return response
