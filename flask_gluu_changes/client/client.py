"""ChangesClient: everything that changed, in batches, at least once, across crashes and outages.

A request is repeated as often as it takes: Retry-After is honoured, and refusals are told apart.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, cast

import httpx

from .errors import ChangesRefused, ChangesUnavailable, TokenExpired
from .token_store import TokenStore

log = logging.getLogger(__name__)

REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """The state of an identity, or its removal; deduplicate on (id, version).

    kind: `created`, `updated` or `removed`; treat the first two alike, because the creation may
    have been told to somebody else. attributes: names to arrays of values, empty for a removal.
    reason: of a removal, `deleted` or `outOfScope`.
    """

    id: str
    version: int
    kind: str
    inum: str
    attributes: Mapping[str, list[Any]]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes to be applied in their order, before the next batch is asked for.

    full: it belongs to a reading of everybody, because there is no token or it is void. first: such
    a reading begins. complete: it ends with this batch, and whoever was not in it is not there any
    more: remove the others, behind a brake.
    """

    changes: list[Change]
    full: bool = False
    first: bool = False
    complete: bool = False


def changes_of(page: Mapping[str, Any]) -> list[Change]:
    """Read the changes of a page; an identity is in it once, so removals may come last."""
    return [*map(_shown, page["results"]), *map(_removed, page.get("removed", ()))]


def _shown(entry: Mapping[str, Any]) -> Change:
    attributes = {name: v for name, v in entry.items() if not name.startswith("@")}
    inum = entry.get("inum") or [""]
    return Change(entry["@id"], entry["@version"], entry["@changeType"], inum[0], attributes)


def _removed(entry: Mapping[str, Any]) -> Change:
    return Change(entry["@id"], entry["@version"], REMOVED, entry["inum"], {}, str(entry["reason"]))


BUSY = {429, 502, 503, 504}
LONGEST_PAUSE = 300.0


class Asker:
    """Asks the operation.

    repetitions: after failures that may pass, with a pause of what Retry-After says (seconds), or
    of 1, 2, 4 … seconds. sleep: waits so many seconds.
    """

    def __init__(
        self, http: httpx.Client, url: str, repetitions: int, sleep: Callable[[float], object]
    ) -> None:
        self._http = http
        self._url = url
        self._repetitions = repetitions
        self._sleep = sleep

    def page(self, query: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
        """Give a page. Raises TokenExpired, ChangesRefused or ChangesUnavailable."""
        for attempt in range(self._repetitions + 1):
            answer = self._ask(query, headers)
            if answer is not None and answer.status_code not in BUSY:
                return _page_of(answer)
            if attempt < self._repetitions:
                self._sleep(_pause(answer, attempt))
        why = f"it answered {answer.status_code}" if answer is not None else "it cannot be reached"
        raise ChangesUnavailable(f"{self._url} is not available: {why}")

    def _ask(self, query: Mapping[str, str], headers: Mapping[str, str]) -> httpx.Response | None:
        try:
            return self._http.get(self._url, params=dict(query), headers=dict(headers))
        except httpx.TransportError as error:
            log.warning("%s cannot be reached: %s", self._url, error)
            return None


def _page_of(answer: httpx.Response) -> dict[str, Any]:
    if answer.status_code == 410:
        raise TokenExpired(_detail(answer))
    if answer.status_code != 200:
        raise ChangesRefused(_detail(answer), answer.status_code)
    return cast(dict[str, Any], answer.json())


def _detail(answer: httpx.Response) -> str:
    """Give the sentence of a SCIM error, or the status alone."""
    try:
        return f"{answer.status_code}: {answer.json()['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code}: {answer.reason_phrase}"


def _pause(answer: httpx.Response | None, attempt: int) -> float:
    said = answer.headers.get("Retry-After", "") if answer is not None else ""
    return min(float(said) if said.isdecimal() else 2.0**attempt, LONGEST_PAUSE)


class ChangesClient:
    """Reads the changes of one operation from where its store of tokens says.

    url: of the operation. count: changes in a batch. attributes, excluded: which ones to ask for;
    whoever changes them needs a new token. http: a client with the authentication, timeouts and
    TLS of your choice; its read timeout must be longer than the waits.

        for batch in client.drain():
            replica.apply(batch)

    A token is saved when the next batch is asked for, so after the one before it was applied. Leave
    the loop early, or crash, and its changes come again.
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
        self._asker = Asker(http, url, repetitions, sleep)
        self._store = store
        self._http = http
        names = {"attributes": ",".join(attributes), "excludedAttributes": ",".join(excluded)}
        self._query = {"count": str(count), **{n: v for n, v in names.items() if v}}

    def __enter__(self) -> ChangesClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def drain(self, *, wait: int = 0) -> Iterator[Batch]:
        """Yield what came since the token, or everybody where there is none or it is void.

        wait: so many seconds the server may wait for a change. Raises ChangesUnavailable after all
        repetitions, and ChangesRefused where an operator must act.
        """
        token = self._store.load()
        try:
            if token:
                yield from self._delta(token, wait)
                return
        except TokenExpired as error:
            log.warning("Everybody is read anew: %s", error)
        yield from self._everybody()

    def follow(self, *, wait: int = 30) -> Iterator[Batch]:
        """Yield batches for ever, as they come; end it by leaving the loop."""
        while True:
            yield from self.drain(wait=wait)

    def _delta(self, token: str, wait: int) -> Iterator[Batch]:
        for page in self._run({"deltaToken": token}, wait):
            if changes := changes_of(page):
                yield Batch(changes)
        self._keep(page)

    def _everybody(self) -> Iterator[Batch]:
        """Read everybody, and go on until a run fits on one page.

        Who changes while a run is read moves behind its end and is told by the next one. Only a run
        that was read at once proves that whoever was not told is not there.
        """
        while True:
            try:
                yield from self._one_full_reading()
                return
            except TokenExpired as error:
                log.warning("Everybody is read once more: %s", error)

    def _one_full_reading(self) -> Iterator[Batch]:
        begins, first, complete = {"cursor": ""}, True, False
        while not complete:
            for number, page in enumerate(self._run(begins)):
                complete = number == 0 and "nextDeltaToken" in page
                yield Batch(changes_of(page), full=True, first=first, complete=complete)
                first = False
            begins = {"deltaToken": page["nextDeltaToken"]["value"]}
        self._keep(page)

    def _run(self, begins: dict[str, str], wait: int = 0) -> Iterator[dict[str, Any]]:
        """Walk from page to page until one has a delta token; a short page is not the end."""
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        page = self._asker.page({**begins, **self._query}, headers)
        yield page
        while "nextDeltaToken" not in page:
            page = self._asker.page({"cursor": page["nextCursor"], **self._query}, {})
            yield page

    def _keep(self, page: dict[str, Any]) -> None:
        self._store.save(page["nextDeltaToken"]["value"])
