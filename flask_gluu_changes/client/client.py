"""ChangesClient: everything that changed, in batches, at least once, across crashes and outages."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import httpx

from .errors import ChangesError, ChangesUnavailable, TokenExpired
from .exchange import Exchange
from .pages import Change as Change
from .pages import Page, parse_page
from .requester import Requester
from .token_store import TokenStore
from .urls import checked_url

log = logging.getLogger(__name__)


INTERVAL = 5.0
"""Seconds from one request to the next when nothing new came."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes to be applied in their order, before the next batch is asked for.

    Attributes:
        changes: The changes, removals first; an identity is among them once.
        full: Whether the batch belongs to a full reading, because there is no token or it has
            expired.
        first: Whether a full reading begins with this batch.
        complete: Whether a full reading ends with this batch. Whoever was not in it is not there
            any more: remove the others, up to a number that you find plausible.
        token: With the last batch of a run, what the store is given when the next batch is asked
            for; empty with others. Store it yourself where it has to be in the same transaction.
    """

    changes: list[Change]
    full: bool = False
    first: bool = False
    complete: bool = False
    token: str = ""


class ChangesClient:
    """Reads the changes of one operation from the token on that its store holds.

    A token is saved when the next batch is asked for, so after the one before it was applied. Leave
    the loop early, or crash, and its changes come again.

    Example:
        Apply everything that came since the last time::

            with ChangesClient(url, store, http=http) as client:
                for batch in client.drain():
                    replica.apply(batch)
    """

    def __init__(
        self,
        url: str,
        store: TokenStore,
        *,
        http: httpx.Client,
        count: int = 200,
        attributes: Iterable[str] = (),
        excluded: Iterable[str] = (),
        repetitions: int = 5,
        answer_timeout: float = 300.0,
        insecure_http: bool = False,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Prepare a client; nothing is requested yet.

        Args:
            url: The URL of the operation. With credentials it must be an https URL, or be of this
                machine.
            store: Where the token is kept between two runs.
            http: A client with the authentication, timeouts and TLS of your choice. Redirects are
                not followed. It is closed together with this client.
            count: The highest number of changes in a batch.
            attributes: The only attributes to ask for; empty asks for all. Whoever changes them
                needs a new token.
            excluded: The attributes not to ask for. Whoever changes them needs a new token.
            repetitions: How often a request is repeated after failures that may pass, with a pause
                of what Retry-After says, or of 1, 2, 4 … seconds; at least one.
            answer_timeout: The longest time for a request with its whole answer, in seconds. Waits
                for a change come on top of it, and of the read timeout of `http`.
            insecure_http: Whether credentials may be sent unencrypted.
            sleep: The function that pauses for a number of seconds.

        Raises:
            ChangesMisconfigured: Credentials would be sent unencrypted.
        """
        self._requester = Requester(
            Exchange(http, answer_timeout),
            checked_url(url, http, insecure_http=insecure_http),
            repetitions,
            sleep,
            lambda response: parse_page(response.content),
        )
        self._store = store
        self._http = http
        self._repetitions = repetitions
        self._expired = 0
        names = {"attributes": ",".join(attributes), "excludedAttributes": ",".join(excluded)}
        self._query = {"count": str(count), **{n: v for n, v in names.items() if v}}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def drain(self, *, wait: int = 0) -> Iterator[Batch]:
        """Yield what came since the token, or everybody where there is none or it has expired.

        Args:
            wait: The seconds that the server may wait for a change before it answers.

        Raises:
            ChangesUnavailable: The server cannot be reached or is busy, after all repetitions.
            ChangesRefused: The server refuses the request; an operator must act.
            ChangesError: The server leads in a circle, or the token cannot be kept.
        """
        self._requester.forget_pace()
        yield from self._drain(wait, INTERVAL)

    def follow(self, *, wait: int = 30, interval: float = INTERVAL) -> Iterator[Batch]:
        """Yield batches for ever, as they come; end it by leaving the loop.

        Args:
            wait: The seconds that the server may wait for a change before it answers.
            interval: The least time from one request to the next when nothing new came, in
                seconds; it counts where the server does not wait.

        Raises:
            ChangesUnavailable: The server cannot be reached or is busy, after all repetitions.
            ChangesRefused: The server refuses the request; an operator must act.
            ChangesError: The server leads in a circle, or the token cannot be kept.
        """
        while True:
            yield from self._drain(wait, interval)

    def _drain(self, wait: int, interval: float) -> Iterator[Batch]:
        token = self._store.load()
        try:
            if token:
                yield from self._changes_since(token, wait, interval)
                self._expired = 0
                return
        except TokenExpired as error:
            log.warning("Everybody is read anew: %s", error)
            self._note_expired()
        yield from self._everybody(interval)

    def _note_expired(self) -> None:
        """Pause where tokens expire time and again: reading everybody is much work."""
        self._expired += 1
        if self._expired > 1:
            self._requester.pause(self._expired)

    def _changes_since(self, token: str, wait: int, interval: float) -> Iterator[Batch]:
        for page in self._run({"deltaToken": token}, interval, wait):
            if page.changes:
                yield Batch(page.changes, token=page.token)
        self._store.save(page.token)

    def _everybody(self, interval: float) -> Iterator[Batch]:
        """Read everybody, from the start again where a token expires on the way."""
        for number in range(self._repetitions + 1):
            try:
                yield from self._full_reading(interval)
                return
            except TokenExpired as error:
                log.warning("Everybody is read once more: %s", error)
                self._requester.pause(number)
        raise ChangesUnavailable("the server gave up each reading of everybody")

    def _full_reading(self, interval: float) -> Iterator[Batch]:
        """Read everybody, and go on until a run fits on one page.

        Who changes while a run is read moves behind its end and comes with the next one. Only a run
        that was read at once proves that whoever did not come is not there.
        """
        start, first, complete = {"cursor": ""}, True, False
        while not complete:
            for number, page in enumerate(self._run(start, interval)):
                complete = number == 0 and bool(page.token)
                token = page.token if complete else ""
                yield Batch(page.changes, full=True, first=first, complete=complete, token=token)
                first = False
            start = {"deltaToken": page.token}
        self._store.save(page.token)

    def _run(self, start: dict[str, str], interval: float, wait: int = 0) -> Iterator[Page]:
        """Yield pages until one has a delta token; a short page is not the end."""
        page = self._requester.page({**start, **self._query}, interval=interval, wait=wait)
        known = {hash(start.get("deltaToken"))}
        while True:
            following = hash(page.cursor or page.token)
            if following in known and (page.cursor or page.changes):
                raise ChangesError("the server leads in a circle: a page leads to where it began")
            known.add(following)
            yield page
            if page.token:
                return
            query = {"cursor": page.cursor, **self._query}
            page = self._requester.page(query, interval=interval)
