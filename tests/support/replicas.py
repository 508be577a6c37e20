"""Two ways to keep a replica by the operation: by token, and by the recipe of the reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
from flask import Flask

from flask_gluu_changes.client import Batch, Change, ChangesClient, ChangesUnavailable
from flask_gluu_changes.client.token_store import MemoryTokenStore

from .apps import OPERATION

BASE = "http://changes.test"

People = dict[str, dict[str, list[Any]]]


def http_of(app: Flask) -> httpx.Client:
    """Ask an application without a socket."""
    return httpx.Client(transport=httpx.WSGITransport(app=app))


class TokenReplica:
    """Applies batches; checks with each that versions never go back (G2).

    ahead: something was applied whose token was not kept.
    """

    def __init__(self, http: httpx.Client, count: int) -> None:
        self.people: People = {}
        self.store = MemoryTokenStore()
        self.tokens: list[str] = []
        self.ahead = False
        self._versions: dict[str, int] = {}
        self._told: set[str] = set()
        self._client = ChangesClient(
            BASE + OPERATION, self.store, http=http, count=count, repetitions=0
        )
        self._running: Iterator[Batch] | None = None

    @property
    def resting(self) -> bool:
        """Tell whether no run is under way and all that was applied is kept."""
        return self._running is None and not self.ahead

    def poll(self) -> bool:
        """Apply one batch; False at the end of a run, or where the server cannot answer."""
        if self._running is None:
            self._running = self._client.drain()
        try:
            batch = next(self._running)
        except StopIteration:
            self._end(ahead=False)
            return False
        except ChangesUnavailable:
            self._end(ahead=True)
            return False
        self._apply(batch)
        return True

    def drain(self) -> None:
        """Read to the end of the run that is under way, and one more from there."""
        while self.poll():
            pass
        while self.poll():
            pass

    def crash(self) -> None:
        """Lose the run that is under way; what was applied stays applied."""
        if self._running is not None:
            self._end(ahead=True)

    def replay(self, number: int) -> None:
        """Go back to an older token."""
        if self.tokens:
            self.crash()
            self.store.save(self.tokens[number % len(self.tokens)])
            self.ahead = True

    def burn(self) -> None:
        """Throw older tokens away."""
        self.tokens.clear()

    def forget(self) -> None:
        """Lose the token and keep the people; the next run reads everybody."""
        self.store.save("")
        self.ahead = True

    def _end(self, *, ahead: bool) -> None:
        self._running, self.ahead = None, ahead
        if not ahead and self.store.token not in self.tokens[-1:]:
            self.tokens.append(self.store.token)

    def _apply(self, batch: Batch) -> None:
        if batch.first:
            self._begin()
        for change in batch.changes:
            self._apply_one(change)
        if batch.complete:
            for id_ in self.people.keys() - self._told:
                del self.people[id_]

    def _begin(self) -> None:
        """Forget what a restored journal need not know."""
        self._versions.clear()
        self._told.clear()

    def _apply_one(self, change: Change) -> None:
        assert change.version >= self._versions.get(change.id, 0), f"{change} goes back"
        self._versions[change.id] = change.version
        self._told.add(change.id)
        if change.kind == "removed":
            self.people.pop(change.id, None)
        else:
            self.people[change.id] = dict(change.attributes)


class RecipeReplica:
    """Keeps the highest time it saw, and asks from there the next time (oxTrust #1728)."""

    def __init__(self, http: httpx.Client, count: int) -> None:
        self.people: People = {}
        self.ahead = False
        self.resting = True
        self._http = http
        self._count = count
        self._since = self._latest = "1990-01-01T00:00:00Z"
        self._start = 0

    def poll(self) -> bool:
        """Apply one page; False behind the last one."""
        page = self._page()
        if page is None:
            return False
        for entry in page["results"]:
            self.people[entry["inum"][0]] = entry
        self._latest = max(self._latest, page["latestUpdateAt"])
        self._start += self._count
        if page["total"] == self._count:
            return True
        self._since, self._start = self._latest, 0
        return False

    def drain(self) -> None:
        """Read to the end of the walk that is under way, and one more from there."""
        while self.poll():
            pass
        while self.poll():
            pass

    def crash(self) -> None:
        """Begin the walk again."""
        self._start, self._latest = 0, self._since

    def replay(self, number: int) -> None:
        """Do nothing: going back in time only helps this one."""

    def burn(self) -> None:
        """Do nothing: it has none."""

    def forget(self) -> None:
        """Begin from the beginning of time."""
        self._since = self._latest = "1990-01-01T00:00:00Z"

    def _page(self) -> dict[str, Any] | None:
        query = {"timeStamp": self._since, "start": self._start, "pagesize": self._count}
        answer = self._http.get(BASE + OPERATION, params=query)  # type: ignore[arg-type]
        page: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
        return page
