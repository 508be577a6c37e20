"""The token forms of the operation, and the journal's status."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Response, jsonify, request
from flask_smorest import Blueprint
from werkzeug.http import quote_etag

from .journal.desk import TokenDesk, ViewChanged
from .journal.places import Gone, Part, Place
from .journal.selection import Selection
from .journal.sequence import SequenceBackend
from .journal.tokens import InvalidToken, Kind, Token
from .journal_pages import NDJSON, STREAM_ROWS, Pages
from .journal_schemas import LATEST
from .journal_settings import JournalSettings
from .scim_errors import error_response
from .timestamps import from_micros, to_instant
from .visibility import Visibility

log = logging.getLogger(__name__)

KEPT = ("count", "attributes", "excludedAttributes")
"""Parameters of a run that began in vain, which the full run takes over."""

_WAIT = re.compile(r'(?:^|[,;])\s*wait\s*=\s*"?([0-9]{1,9})"?\s*(?=$|[,;])', re.IGNORECASE)


@dataclass(frozen=True)
class Ask:
    """What a request wants. token: where to go on; None for everything there is."""

    token: Token | None
    selection: Selection
    count: int
    streamed: bool

    @property
    def place(self) -> Place | None:
        """Where to go on."""
        return self.token.place if self.token else None

    @property
    def after(self) -> int:
        """The place's number."""
        return self.token.place.after if self.token else 0

    @property
    def rows(self) -> int:
        """How many to read at once."""
        return STREAM_ROWS if self.streamed else self.count

    @property
    def form(self) -> str:
        """What makes this another answer than others from the same place, for the entity tag."""
        return NDJSON if self.streamed else f"{self.count}"


class TokenForms:
    """Answers requests with `cursor` or `deltaToken`."""

    def __init__(
        self, backend: SequenceBackend, settings: JournalSettings, visibility: Visibility
    ) -> None:
        settings.check()
        self.backend = backend
        self._settings = settings
        self._desk = TokenDesk(settings, visibility)
        self._pages = Pages(backend, self._desk)

    def answer(self, arguments: dict[str, Any]) -> Response:
        """Give a page, a stream, or 304; what cannot be gone on from is raised."""
        wanted, unwanted = (
            arguments.get(name, ()) for name in ("attributes", "excludedAttributes")
        )
        selection = Selection.of(wanted, unwanted)
        if arguments.get("deltaToken") == LATEST:
            return self._from_now_on(selection)
        ask = Ask(self._token(arguments, selection), selection, arguments["count"], _wants_stream())
        waited = self._wait(ask)
        response = self._unless_known(ask)
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
        blueprint.register_error_handler(ViewChanged, _view_changed)
        blueprint.register_error_handler(Gone, _gone)

    def _from_now_on(self, selection: Selection) -> Response:
        head = self.backend.latest()
        ask = Ask(None, selection, 0, _wants_stream())
        return _private(self._written(Part([], [], [], 0, head, head), ask))

    def _token(self, arguments: dict[str, Any], selection: Selection) -> Token | None:
        if arguments.get("cursor") == "":
            return None
        kind = Kind.CURSOR if "cursor" in arguments else Kind.DELTA
        text = arguments["cursor" if kind is Kind.CURSOR else "deltaToken"]
        return self._desk.take(text, kind, selection)

    def _wait(self, ask: Ask) -> int:
        """Wait for news if that is wanted; give the seconds that were granted, 0 for none."""
        wanted = _WAIT.search(",".join(request.headers.getlist("Prefer")))
        if wanted is None or ask.place is None or not ask.place.is_end:
            return 0
        granted = min(int(wanted[1]), int(self._settings.max_wait_seconds))
        if not granted or not self._settings.max_waiters:
            return 0
        if not self.backend.part(ask.place, 1).order:
            self.backend.wait(ask.place, granted, most=self._settings.max_waiters)
        return granted

    def _unless_known(self, ask: Ask) -> Response:
        """Answer 304 where the client has this answer, unless its token should be replaced."""
        head, response = self._known(ask), None
        if head is not None:
            tag = self._desk.tag(head, ask.after, ask.selection, ask.form)
            response = Response(status=304) if request.if_none_match.contains_weak(tag) else None
        if response is None:
            part = self.backend.part(ask.place, ask.rows)
            response = self._written(part, ask)
            tag = self._desk.tag(part.head, ask.after, ask.selection, ask.form)
        response.headers["ETag"] = quote_etag(tag, weak=True)
        return _private(response)

    def _known(self, ask: Ask) -> Place | None:
        """Look at the head alone where the client may have the answer already."""
        if not request.if_none_match or (ask.token and not self._desk.is_young(ask.token)):
            return None
        return self.backend.latest()

    def _written(self, part: Part, ask: Ask) -> Response:
        write = self._pages.stream if ask.streamed else self._pages.page
        return write(part, ask.selection, ask.token)


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


def _view_changed(error: ViewChanged) -> Response:
    return error_response(400, f"The parameters changed on the way: {error}.", "invalidValue")


def _gone(error: Gone) -> Response:
    """Say where everything can be had; never start over silently."""
    log.info("A client must begin anew: %s", error)
    kept = {name: request.args[name] for name in KEPT if name in request.args}
    detail = f"What came since cannot be told: {error}. Begin with a full run, as Location says."
    response = error_response(410, detail, "expiredCursor")
    query = urlencode({"cursor": "", **kept})
    response.headers["Location"] = f"{request.root_path}{request.path}?{query}"
    return response
