"""One connection's reading of the people and of the changelog, as events.

A change is not applied. It names an entry, which is read as it is now, and so is never older than
the change: what is told twice is no change, and nothing goes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

import ldap

from ....follower import (
    Checkpoint,
    Deleted,
    DeleteUnmentioned,
    Event,
    Heartbeat,
    SnapshotStarted,
    StopSignal,
    Upserted,
)
from ....model import Entry
from ..dn import within
from ..follower import UUID, any_of_each
from ..search import Search
from .session import PAGE, ChangelogPosition, ChangelogRecord, ChangelogSession, covers

INTERVAL = 0.2
"""Seconds between two looks at a changelog without news."""

RENAME = "modrdn"


@dataclass(frozen=True)
class ChangelogScope:
    """What to read. people: entryUUID among the attributes. contexts: the directory's roots.

    shape: gives the digest of all that decides how people are read, as it is at the moment.
    """

    people: Search
    contexts: tuple[str, ...]
    shape: Callable[[], str]


class ChangelogStream:
    """Reads on from a position."""

    def __init__(
        self, session: ChangelogSession, plan: ChangelogScope, position: ChangelogPosition
    ) -> None:
        self._session = session
        self._plan = plan
        self._position = position
        self._whole = not position.changelog or position.shape != plan.shape()
        self._more = True
        self._ahead = False

    def events(self, stop: StopSignal) -> Iterator[Event]:
        """Yield what happens until it is told to stop.

        Everybody is read where there is no cookie, where people are to be read otherwise, and
        where a branch was renamed, which is one change for all who are in it.
        """
        while not stop.is_set:
            yield from self._listing(stop)
            while not stop.is_set and not self._whole:
                yield from self._look(stop)

    def _listing(self, stop: StopSignal) -> Iterator[Event]:
        """List everybody, or else who may have changed; and who changed in the meantime."""
        whole, self._whole, self._more = self._whole, False, True
        yield SnapshotStarted(whole)
        if whole:
            self._position = ChangelogPosition(self._session.start(), self._plan.shape())
            yield from self._everybody(stop)
        while self._more and not stop.is_set:
            yield from self._page()
            yield Heartbeat()
        if whole and not stop.is_set:
            yield DeleteUnmentioned()
        if not stop.is_set:
            yield self._reached(ends_snapshot=True)

    def _everybody(self, stop: StopSignal) -> Iterator[Event]:
        for entry in self._session.everybody(self._plan.people):
            if stop.is_set:
                break
            yield Upserted(*_named(entry))

    def _look(self, stop: StopSignal) -> Iterator[Event]:
        before = self._position
        yield from self._page()
        if self._position != before:
            yield self._reached()
        if not self._more:
            if not self._ahead:
                yield Heartbeat()
            stop.wait(INTERVAL)
            self._whole |= self._position.shape != self._plan.shape()

    def _page(self) -> Iterator[Event]:
        """Tell the next changes: who is gone comes first, for his inum may be another's by now."""
        changes = self._next()
        if not changes:
            return
        uuids = [*dict.fromkeys(each.uuid for each in changes if self._concerns(each))]
        seen = dict(self._read(uuids))
        missing = [uuid for uuid in uuids if uuid not in seen]
        if missing:
            yield Deleted(missing)
        yield from (Upserted(uuid, entry) for uuid, entry in seen.items())
        renamed = {each.uuid for each in changes if each.kind == RENAME}
        self._whole |= self._has_branch([uuid for uuid in missing if uuid in renamed])
        self._position = replace(self._position, changelog=changes[-1].cookie)

    def _next(self) -> list[ChangelogRecord]:
        """Give the next changes that the server has made itself."""
        changes = self._session.changes(self._position.changelog)
        made = self._session.made() if changes else {}
        ready = [*takewhile(lambda change: covers(made, change.cookie), changes)]
        self._ahead = len(ready) < len(changes)
        self._more = len(ready) == PAGE
        return ready

    def _concerns(self, change: ChangelogRecord) -> bool:
        """Tell whether a change can be a person's: by a rename anybody may become one."""
        return change.kind == RENAME or within(change.name, self._plan.people.base)

    def _read(self, uuids: list[str]) -> Iterator[tuple[str, Entry]]:
        people = self._plan.people
        for any_of in any_of_each(uuids):
            filter_ = f"(&{people.filter}{any_of})"
            asked = (people.base, ldap.SCOPE_SUBTREE, filter_, *people.attributes)
            for _, entry in self._session.read(*asked):
                yield _named(entry)

    def _has_branch(self, uuids: list[str]) -> bool:
        """Tell whether one of these is no person and has entries below it."""
        return any(
            self._session.visible(context, ldap.SCOPE_SUBTREE, f"(&{self._inner}{any_of})")
            for context in self._plan.contexts
            for any_of in any_of_each(uuids)
        )

    @property
    def _inner(self) -> str:
        return f"(!{self._plan.people.filter})(hasSubordinates=TRUE)"

    def _reached(self, *, ends_snapshot: bool = False) -> Checkpoint:
        """Give the position, from which nothing continues if everybody must be read."""
        position = replace(self._position, changelog="") if self._whole else self._position
        return Checkpoint(str(position), ends_snapshot)


def _named(entry: Any) -> tuple[str, Entry]:
    return entry.pop(UUID)[0].decode(), entry
