"""Asking for pages: what may pass is repeated, and nobody is asked all the time for nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Generic, Protocol, TypeVar

import httpx

from ..errors import cause_of
from .errors import ChangesError, ChangesRefused, ChangesUnavailable, TokenExpired
from .exchange import Exchange
from .pages import Change
from .urls import public_name

log = logging.getLogger(__name__)

RETRIED_STATUSES = {408, 425, 429, 502, 503, 504}
"""Answers after which the same request may succeed."""

MIN_PAUSE, MAX_PAUSE = 1.0, 300.0
"""Seconds between two tries, whatever the server asks for."""

LONGEST_DETAIL = 300
"""Characters of a server's sentence that are repeated."""

_NEVER_GOOD = (
    httpx.InvalidURL,
    httpx.LocalProtocolError,
    httpx.UnsupportedProtocol,
    httpx.TooManyRedirects,
    httpx.CookieConflict,
)


class AnyPage(Protocol):
    """What answers are read as."""

    @property
    def changes(self) -> Sequence[Change]:
        """What a page tells."""


P = TypeVar("P", bound=AnyPage)


class Requester(Generic[P]):
    """Requests pages, and repeats what failed for a reason that may pass; see ChangesClient.

    parse: reads an answer 200; raises ValueError or KeyError for what is no page. retried: statuses
    after which the same request may succeed.
    """

    def __init__(
        self,
        exchange: Exchange,
        url: httpx.URL,
        repetitions: int,
        sleep: Callable[[float], object],
        parse: Callable[[httpx.Response], P],
        retried: Set[int] = RETRIED_STATUSES,
    ) -> None:
        self._parse = parse
        self._retried = retried
        self._exchange = exchange
        self._url = url
        self._name = public_name(url)
        self._repetitions = repetitions
        self._sleep = sleep
        self._not_before = 0.0
        self._asked_at = 0.0
        self._told: set[tuple[str, int]] = set()

    def forget_pace(self) -> None:
        """Have the next request made at once."""
        self._not_before = 0.0

    def page(self, query: Mapping[str, str], *, interval: float, wait: int = 0) -> P:
        """Return a page. Raises TokenExpired, ChangesRefused or ChangesUnavailable.

        interval: after a page without new changes, the next one is asked for so many seconds after
        it was asked for, and not earlier. wait: the seconds that the server may wait for a change.
        """
        self._await_turn()
        page = self._repeated(query, wait)
        self._not_before = 0.0 if self._is_new(page) else self._asked_at + interval
        return page

    def pause(self, number: int, wanted: float | None = None) -> None:
        """Pause before a repetition: as long as the server wants, or ever longer."""
        seconds = 2.0 ** min(number, 10) if wanted is None else wanted
        self._sleep(max(MIN_PAUSE, min(seconds, MAX_PAUSE)))

    def _is_new(self, page: P) -> bool:
        """Return whether a page tells what the page before it did not."""
        before, self._told = self._told, {(change.id, change.version) for change in page.changes}
        return not self._told <= before

    def _await_turn(self) -> None:
        early = self._not_before - monotonic()
        if early > 0:
            self._sleep(early)

    def _repeated(self, query: Mapping[str, str], wait: int) -> P:
        for number in range(self._repetitions):
            try:
                return self._once(query, wait)
            except ChangesUnavailable as error:
                log.warning("%s; it is asked again", error)
                self.pause(number, error.retry_after)
        return self._once(query, wait)

    def _once(self, query: Mapping[str, str], wait: int) -> P:
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        self._asked_at = monotonic()
        try:
            response = self._exchange.get(self._url, query, headers, wait)
        except _NEVER_GOOD as error:
            raise ChangesError(f"{self._name} cannot be asked: {type(error).__name__}") from error
        except httpx.HTTPError as error:
            raise ChangesUnavailable(
                f"{self._asked(error)} is not available: it cannot be reached or its answer cannot"
                f" be read ({cause_of(error)})"
            ) from error
        return self._page_of(response)

    def _asked(self, error: httpx.HTTPError) -> str:
        """Name the server that failed: an authorization server may have been asked first."""
        try:
            return public_name(error.request.url)
        except RuntimeError:  # it has no request
            return self._name

    def _page_of(self, response: httpx.Response) -> P:
        status = response.status_code
        if status in self._retried:
            raise ChangesUnavailable(
                f"{self._name} is not available: it answered {status}",
                retry_after=retry_after(response),
            )
        if status == 410:
            raise TokenExpired(_detail(response))
        if response.is_redirect:
            raise ChangesRefused(f"{status}: {self._name} leads elsewhere; give that URL", status)
        if status != 200:
            raise ChangesRefused(_detail(response), status)
        try:
            return self._parse(response)
        except (ValueError, KeyError) as error:
            raise ChangesUnavailable(
                f"{self._name} is not available: it answered 200 with no page of changes"
                f" ({type(error).__name__})"
            ) from error


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds that an answer asks to wait, whether as a number or as a date."""
    wanted = response.headers.get("Retry-After", "").strip()
    if wanted.isdecimal():
        return float(wanted[:10])
    until, now = _date(wanted), _date(response.headers.get("Date", ""))
    return None if until is None else (until - (now or datetime.now(UTC))).total_seconds()


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _detail(response: httpx.Response) -> str:
    """Return the sentence of a SCIM error, or the status alone."""
    try:
        told = str(response.json()["detail"])[:LONGEST_DETAIL]
        sentence = "".join(c if c.isprintable() else " " for c in " ".join(told.split()))
    except (ValueError, KeyError, TypeError, RecursionError):
        sentence = response.reason_phrase
    return f"{response.status_code}: {sentence}"
