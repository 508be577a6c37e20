"""Following a server that knows no tokens, such as Gluu's own, as well as that can be done."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

import httpx

from ..client import Change, ChangesError
from ..client.exchange import Exchange
from ..client.requester import RETRIED_STATUSES, Requester
from ..client.urls import checked_url
from ..timestamps import EPOCH, from_micros
from .source import SourceBatch
from .time_pages import parse_time_page
from .time_position import TimePosition
from .time_window import PagesShifted, SamePage, TimeWindow

log = logging.getLogger(__name__)

SECOND = 10**6
"""Microseconds."""

TRIES = 5
"""Readings of a window whose pages shift, before the next run has to go on."""

RETRIED = RETRIED_STATUSES | {500}
"""Gluu answers 500 to whatever fails, also where its database is away for a moment."""


class TimeStampSource:
    """Reads who was changed since a time, with all that makes up for what times do not tell.

    - Each run begins `overlap` seconds before the time that was reached, for what became visible
      late; whoever has not changed is told again, to be known by content.
    - No run reaches further than the moment when it began, by the clock of the server.
    - A run whose pages shifted is repeated.
    - Every `full_every` seconds everybody is read; who is missing then was deleted.
    """

    level = "timestamps"
    promise = (
        "The server knows no tokens: a change is seen if its writer noted the time, and deletions"
        " are found by the next full reading."
    )

    def __init__(
        self,
        url: str,
        *,
        http: httpx.Client,
        count: int = 200,
        attributes: Iterable[str] = (),
        excluded: Iterable[str] = (),
        overlap: float = 300.0,
        full_every: float = 86_400.0,
        interval: float = 30.0,
        repetitions: int = 5,
        answer_timeout: float = 300.0,
        insecure_http: bool = False,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Prepare a source; nothing is requested yet.

        Args:
            url: The URL of the operation.
            http: A client with the authentication, timeouts and TLS of your choice.
            count: The highest number of people on a page; two at least.
            attributes: The only attributes to tell; empty tells all.
            excluded: The attributes not to tell.
            overlap: How far each run goes back, in seconds.
            full_every: The time from one reading of everybody to the next, in seconds.
            interval: The time between two runs that wait for a change, in seconds.
            repetitions: How often a request is repeated after failures that may pass.
            answer_timeout: The longest time for a request with its whole answer, in seconds.
            insecure_http: Whether credentials may be sent unencrypted.
            now: The clock of this machine.
            sleep: The function that pauses for a number of seconds.

        Raises:
            ChangesMisconfigured: Credentials would be sent unencrypted.
        """
        checked = checked_url(url, http, insecure_http=insecure_http)
        exchange = Exchange(http, answer_timeout)
        self._http = http
        self._requester = Requester(exchange, checked, repetitions, sleep, parse_time_page, RETRIED)
        self._count = max(2, count)
        self._only = {name.lower() for name in attributes}
        self._excluded = {name.lower() for name in excluded}
        self._overlap, self._full_every = round(overlap * SECOND), round(full_every * SECOND)
        self._interval = interval
        self._now, self._sleep = now, sleep
        self._not_before = 0.0

    def read(self, position: str, *, full: bool, wait: int = 0) -> Iterator[SourceBatch]:
        """Read what was changed since a position, or everybody where that is due.

        Args:
            position: The position of the last batch of the run before; empty reads everybody.
            full: Whether to read everybody in any case.
            wait: Where it is not 0, the run begins `interval` seconds after the one before it.

        Raises:
            ChangesUnavailable: The server cannot be reached or is busy, after all repetitions.
            ChangesRefused: The server refuses the request; an operator must act.
            ChangesError: The position is none of this source.
        """
        self._await_turn(wait)
        known = TimePosition.from_text(position) if position else TimePosition(0, 0)
        everybody = full or self._is_due(known)
        yield from self._everybody(known) if everybody else self._changes_since(known)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _await_turn(self, wait: int) -> None:
        early = self._not_before - self._now()
        if wait and early > 0:
            self._sleep(min(early, self._interval))
        self._not_before = self._now() + self._interval

    def _is_due(self, known: TimePosition) -> bool:
        """Return whether everybody is to be read; also where the clock was set back."""
        return not 0 <= self._micros() - known.full_at < self._full_every

    def _micros(self) -> int:
        return round(self._now() * SECOND)

    def _everybody(self, known: TimePosition) -> Iterator[SourceBatch]:
        """Read everybody; where pages shift each time, nobody is taken for deleted."""
        begun = TimePosition(0, self._micros())
        return self._read(EPOCH, begun, unfinished=replace(known, full_at=0), full=True)

    def _changes_since(self, known: TimePosition) -> Iterator[SourceBatch]:
        since = from_micros(max(0, known.reached - self._overlap))
        return self._read(since, known, unfinished=known, full=False)

    def _read(
        self, since: datetime, known: TimePosition, *, unfinished: TimePosition, full: bool
    ) -> Iterator[SourceBatch]:
        """Read a window, and once more where its pages shifted."""
        for _ in range(TRIES):
            try:
                yield from self._batches(since, known, full=full)
                return
            except PagesShifted as error:
                shifted = error
                log.info("Somebody was deleted between two pages; they are read once more")
        if isinstance(shifted, SamePage):
            raise ChangesError("the server leads in a circle: it gives one page for each `start`")
        log.warning("The pages shifted in each of %s readings; the next run reads them", TRIES)
        yield SourceBatch((), full=full, position=unfinished.to_text())

    def _batches(
        self, since: datetime, known: TimePosition, *, full: bool
    ) -> Iterator[SourceBatch]:
        window, first = TimeWindow(self._requester, since, self._count), full
        for page, is_last in window.pages():
            changes = [self._selected(change) for change in page.changes]
            position = self._moved(known, window) if is_last else ""
            yield SourceBatch(changes, full, first, full and is_last, position)
            first = False

    def _moved(self, known: TimePosition, window: TimeWindow) -> str:
        own = self._micros()
        began_at = own if window.began_at is None else min(own, window.began_at)
        return known.moved(window.reached, began_at).to_text()

    def _selected(self, change: Change) -> Change:
        """Leave out attributes here: Gluu's server cannot."""
        if not self._only and not self._excluded:
            return change
        shown = {n: v for n, v in change.attributes.items() if self._is_selected(n.lower())}
        return replace(change, attributes=shown)

    def _is_selected(self, name: str) -> bool:
        return (not self._only or name in self._only) and name not in self._excluded
