"""ChangesClient: everything that changed, in batches, at least once, across crashes and outages."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, cast

import httpx

from .errors import ChangesRefused, ChangesUnavailable, TokenExpired
from .token_store import TokenStore

log = logging.getLogger(__name__)

REMOVED = "removed"

RETRIED_STATUSES = {429, 502, 503, 504}
"""Answers after which the same request may succeed."""

MAX_PAUSE = 300.0
"""Seconds between two tries, whatever the server asks for."""


@dataclass(frozen=True, slots=True)
class Change:
    """The state of an identity, or its removal; deduplicate on (id, version).

    Attributes:
        id: The identity, which never changes.
        version: A number that grows with each change of the identity.
        kind: `created`, `updated` or `removed`. Treat the first two alike, because the creation may
            have been reported to another client.
        inum: Gluu's name of the identity, which can change.
        attributes: Attribute names to arrays of values; empty for a removal.
        reason: The reason of a removal, `deleted` or `outOfScope`; empty for other changes.
        omitted: The names of attributes of which something was too large and is not told.
    """

    id: str
    version: int
    kind: str
    inum: str
    attributes: Mapping[str, list[Any]]
    reason: str = ""
    omitted: tuple[str, ...] = ()


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
    """

    changes: list[Change]
    full: bool = False
    first: bool = False
    complete: bool = False


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
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Prepare a client; nothing is requested yet.

        Args:
            url: The URL of the operation.
            store: Where the token is kept between two runs.
            http: A client with the authentication, timeouts and TLS of your choice. Its read
                timeout must be longer than the waits. It is closed together with this client.
            count: The highest number of changes in a batch.
            attributes: The only attributes to ask for; empty asks for all. Whoever changes them
                needs a new token.
            excluded: The attributes not to ask for. Whoever changes them needs a new token.
            repetitions: How often a request is repeated after failures that may pass, with a pause
                of what Retry-After says (seconds), or of 1, 2, 4 … seconds.
            sleep: The function that pauses for a number of seconds.
        """
        self._requester = Requester(http, url, repetitions, sleep)
        self._store = store
        self._http = http
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
        """
        token = self._store.load()
        try:
            if token:
                yield from self._changes_since(token, wait)
                return
        except TokenExpired as error:
            log.warning("Everybody is read anew: %s", error)
        yield from self._everybody()

    def follow(self, *, wait: int = 30) -> Iterator[Batch]:
        """Yield batches for ever, as they come; end it by leaving the loop.

        Args:
            wait: The seconds that the server may wait for a change before it answers.

        Raises:
            ChangesUnavailable: The server cannot be reached or is busy, after all repetitions.
            ChangesRefused: The server refuses the request; an operator must act.
        """
        while True:
            yield from self.drain(wait=wait)

    def _changes_since(self, token: str, wait: int) -> Iterator[Batch]:
        for page in self._run({"deltaToken": token}, wait):
            if changes := _changes_of(page):
                yield Batch(changes)
        self._save_token(page)

    def _everybody(self) -> Iterator[Batch]:
        """Read everybody, from the start again where a token expires on the way."""
        while True:
            try:
                yield from self._full_reading()
                return
            except TokenExpired as error:
                log.warning("Everybody is read once more: %s", error)

    def _full_reading(self) -> Iterator[Batch]:
        """Read everybody, and go on until a run fits on one page.

        Who changes while a run is read moves behind its end and comes with the next one. Only a run
        that was read at once proves that whoever did not come is not there.
        """
        start, first, complete = {"cursor": ""}, True, False
        while not complete:
            for number, page in enumerate(self._run(start)):
                complete = number == 0 and "nextDeltaToken" in page
                yield Batch(_changes_of(page), full=True, first=first, complete=complete)
                first = False
            start = {"deltaToken": page["nextDeltaToken"]["value"]}
        self._save_token(page)

    def _run(self, start: dict[str, str], wait: int = 0) -> Iterator[dict[str, Any]]:
        """Yield pages until one has a delta token; a short page is not the end."""
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        page = self._requester.page({**start, **self._query}, headers)
        yield page
        while "nextDeltaToken" not in page:
            page = self._requester.page({"cursor": page["nextCursor"], **self._query}, {})
            yield page

    def _save_token(self, page: dict[str, Any]) -> None:
        self._store.save(page["nextDeltaToken"]["value"])


class Requester:
    """Requests pages, and repeats what failed for a reason that may pass; see ChangesClient."""

    def __init__(
        self, http: httpx.Client, url: str, repetitions: int, sleep: Callable[[float], object]
    ) -> None:
        self._http = http
        self._url = url
        self._repetitions = repetitions
        self._sleep = sleep

    def page(self, query: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
        """Return a page. Raises TokenExpired, ChangesRefused or ChangesUnavailable."""
        for attempt in range(self._repetitions + 1):
            response = self._request(query, headers)
            if response is not None and response.status_code not in RETRIED_STATUSES:
                return _page_of(response)
            if attempt < self._repetitions:
                self._sleep(_pause(response, attempt))
        why = "it cannot be reached" if response is None else f"it answered {response.status_code}"
        raise ChangesUnavailable(f"{self._url} is not available: {why}")

    def _request(
        self, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> httpx.Response | None:
        try:
            return self._http.get(self._url, params=dict(query), headers=dict(headers))
        except httpx.TransportError as error:
            log.warning("%s cannot be reached: %s", self._url, error)
            return None


def _changes_of(page: Mapping[str, Any]) -> list[Change]:
    """Read the changes of a page, removals first.

    Whoever is removed and created again has another id and the same inum.
    """
    return [*map(_removed, page.get("removed", ())), *map(_upserted, page["results"])]


def _upserted(entry: Mapping[str, Any]) -> Change:
    attributes = {name: v for name, v in entry.items() if not name.startswith("@")}
    inum = entry.get("inum") or [""]
    return Change(
        entry["@id"],
        entry["@version"],
        entry["@changeType"],
        inum[0],
        attributes,
        omitted=tuple(entry.get("@omitted", ())),
    )


def _removed(entry: Mapping[str, Any]) -> Change:
    return Change(
        entry["@id"], entry["@version"], REMOVED, entry.get("inum", ""), {}, str(entry["reason"])
    )


def _page_of(response: httpx.Response) -> dict[str, Any]:
    if response.status_code == 410:
        raise TokenExpired(_detail(response))
    if response.status_code != 200:
        raise ChangesRefused(_detail(response), response.status_code)
    return cast(dict[str, Any], response.json())


def _detail(response: httpx.Response) -> str:
    """Return the sentence of a SCIM error, or the status alone."""
    try:
        return f"{response.status_code}: {response.json()['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"{response.status_code}: {response.reason_phrase}"


def _pause(response: httpx.Response | None, attempt: int) -> float:
    wanted = response.headers.get("Retry-After", "") if response is not None else ""
    return min(float(wanted) if wanted.isdecimal() else 2.0**attempt, MAX_PAUSE)
