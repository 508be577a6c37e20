"""ChangesClient: everything that changed, once at least, and nothing lost over a crash."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any

import httpx

from .asking import Asker
from .batches import Batch, changes_of
from .errors import RunGone
from .store import TokenStore

log = logging.getLogger(__name__)


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
        except RunGone as error:
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
            except RunGone as error:
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
