"""Opening the source that a server can be: by tokens where it has them, else by time stamps."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import httpx

from ..client import Change, ChangesClient, ChangesMisconfigured, ChangesRefused, TokenStore
from ..client.exchange import Exchange
from ..client.pages import parse_json
from ..client.requester import Requester
from ..client.urls import parsed_url
from .credentials import authentication, checked_server
from .server_options import ServerOptions
from .source import TokenSource
from .time_position import TimePosition
from .time_stamps import TimeStampSource

TIMEOUT = 60.0
"""Seconds that a server may be silent."""

ANSWER_TIMEOUT = 300.0
"""Seconds for a request with its whole answer."""

REPETITIONS = 5


@dataclass(frozen=True, slots=True)
class _Probe:
    """What an answer to a request for a cursor shows. changes: none, ever."""

    has_tokens: bool
    changes: tuple[Change, ...] = ()


def open_source(
    options: ServerOptions,
    position: str,
    *,
    attributes: Iterable[str] = (),
    excluded: Iterable[str] = (),
) -> TokenSource | TimeStampSource:
    """Open the source that a state was kept by, or, for a new state, the best that there is.

    Args:
        options: Which server to read, and how.
        position: Where the last run ended; empty for a new state.
        attributes: The only attributes to ask for; empty asks for all.
        excluded: The attributes not to ask for.

    Raises:
        ChangesMisconfigured: The options contradict each other or the state, or name nothing that
            can be asked.
        ChangesUnavailable: The server cannot be reached, or is busy.
        ChangesRefused: The server refuses the request.
    """
    checked_server(options)
    http = httpx.Client(auth=authentication(options), timeout=TIMEOUT)
    try:
        has_tokens = _has_tokens(options, position, http)
    except BaseException:
        http.close()
        raise
    if has_tokens:
        return TokenSource(lambda store: _client(options, http, store, attributes, excluded))
    return TimeStampSource(
        options.url,
        http=http,
        count=options.count,
        attributes=attributes,
        excluded=excluded,
        overlap=options.overlap,
        full_every=options.full_every,
        repetitions=REPETITIONS,
        answer_timeout=ANSWER_TIMEOUT,
        insecure_http=options.insecure_http,
    )


def _client(
    options: ServerOptions,
    http: httpx.Client,
    store: TokenStore,
    attributes: Iterable[str],
    excluded: Iterable[str],
) -> ChangesClient:
    return ChangesClient(
        options.url,
        store,
        http=http,
        count=options.count,
        attributes=attributes,
        excluded=excluded,
        repetitions=REPETITIONS,
        answer_timeout=ANSWER_TIMEOUT,
        insecure_http=options.insecure_http,
    )


def _has_tokens(options: ServerOptions, position: str, http: httpx.Client) -> bool:
    """Return whether to follow by tokens: as the state was kept, as the options say, or probe."""
    if not position:
        return _probe(options, http) if options.tokens == "auto" else options.tokens == "always"
    kept_by_tokens = not TimePosition.is_text(position)
    if options.tokens != "auto" and kept_by_tokens != (options.tokens == "always"):
        raise ChangesMisconfigured(
            f"--tokens {options.tokens} contradicts the state, which was kept by"
            f" {'tokens' if kept_by_tokens else 'time stamps'}; begin with a new state"
        )
    return kept_by_tokens


def _probe(options: ServerOptions, http: httpx.Client) -> bool:
    """Ask for a cursor; a server that knows none refuses that with 400."""
    url = parsed_url(options.url, "the operation's URL")
    exchange = Exchange(http, ANSWER_TIMEOUT)
    requester = Requester(exchange, url, REPETITIONS, time.sleep, _parse_probe)
    try:
        return requester.page({"cursor": "", "count": "1"}, interval=0.0).has_tokens
    except ChangesRefused as error:
        if error.status == 400:
            return False
        raise


def _parse_probe(response: httpx.Response) -> _Probe:
    page = parse_json(response.content)
    if not isinstance(page, dict) or not isinstance(page["results"], list):
        raise ValueError("there is no array of results")
    return _Probe(has_tokens=bool({"nextCursor", "nextDeltaToken"} & page.keys()))
