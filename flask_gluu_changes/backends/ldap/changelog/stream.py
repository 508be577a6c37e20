"""One connection's reading of the people and of the changelog, as events.

A change is not applied. It names an entry, which is read as it is now, and so is never older than
the change: a change that is reported twice does no harm, and no entry goes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile

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
from ..follower import take_uuid, uuid_filters, with_uuid
from ..search import Search
from .session import PAGE, ChangelogPosition, ChangelogRecord, ChangelogSession, covers

INTERVAL = 0.2
"""Seconds between two polls of a changelog without new changes."""

RENAME = "modrdn"


@dataclass(frozen=True)
class ChangelogScope:
    """What to read. contexts: the naming contexts.

    shape: returns the digest of all that decides how people are read, as it is at the moment.
    """

    people: Search
    contexts: tuple[str, ...]
    shape: Callable[[], str]


class ChangelogStream:
    """The events of one connection, from a position on."""

    def __init__(
        self, session: ChangelogSession, scope: ChangelogScope, position: ChangelogPosition
    ) -> None:
        self._session = session
        self._scope = scope
        self._position = position
        self._must_read_all = not position.changelog or position.shape != scope.shape()
        self._has_more = True
        self._awaits_replay = False

    def events(self, stop: StopSignal) -> Iterator[Event]:
        """Yield what happens until it is told to stop.

        Everybody is read where there is no cookie, where people are to be read otherwise, and
        where a branch was renamed, which is one change for all who are in it.
        """
        while not stop.is_set:
            yield from self._snapshot(stop)
            while not stop.is_set and not self._must_read_all:
                yield from self._poll(stop)

    def _snapshot(self, stop: StopSignal) -> Iterator[Event]:
        """Yield everybody, or else who may have changed; and who changed in the meantime."""
        complete, self._must_read_all, self._has_more = self._must_read_all, False, True
        yield SnapshotStarted(complete)
        if complete:
            cookie = self._session.replayed_cookie()
            self._position = ChangelogPosition(cookie, self._scope.shape())
            yield from self._everybody(stop)
        while self._has_more and not stop.is_set:
            yield from self._page()
            yield Heartbeat()
        if complete and not stop.is_set:
            yield DeleteUnmentioned()
        if not stop.is_set:
            yield self._checkpoint(ends_snapshot=True)

    def _everybody(self, stop: StopSignal) -> Iterator[Event]:
        people = self._scope.people
        for entry in self._session.entries(with_uuid(people)):
            if stop.is_set:
                break
            yield Upserted(take_uuid(entry, people), entry)

    def _poll(self, stop: StopSignal) -> Iterator[Event]:
        before = self._position
        yield from self._page()
        if self._position != before:
            yield self._checkpoint()
        if not self._has_more:
            if not self._awaits_replay:
                yield Heartbeat()
            stop.wait(INTERVAL)
            self._must_read_all |= self._position.shape != self._scope.shape()

    def _page(self) -> Iterator[Event]:
        """Yield the next changes, deleted people first: an inum may be another person's by now."""
        changes = self._next_changes()
        if not changes:
            return
        uuids = [*dict.fromkeys(change.uuid for change in changes if self._concerns(change))]
        people = dict(self._read(uuids))
        missing = [uuid for uuid in uuids if uuid not in people]
        if missing:
            yield Deleted(missing)
        yield from (Upserted(uuid, entry) for uuid, entry in people.items())
        renamed = {change.uuid for change in changes if change.kind == RENAME}
        self._must_read_all |= self._has_branch([uuid for uuid in missing if uuid in renamed])
        self._position = replace(self._position, changelog=changes[-1].cookie)

    def _next_changes(self) -> list[ChangelogRecord]:
        """Return the next changes that the server has replayed itself."""
        changes = self._session.changes(self._position.changelog)
        replayed = self._session.replayed() if changes else {}
        ready = [*takewhile(lambda change: covers(replayed, change.cookie), changes)]
        self._awaits_replay = len(ready) < len(changes)
        self._has_more = len(ready) == PAGE
        return ready

    def _concerns(self, change: ChangelogRecord) -> bool:
        """Return whether a change can be a person's: by a rename any entry may become one."""
        return change.kind == RENAME or within(change.dn, self._scope.people.base)

    def _read(self, uuids: list[str]) -> Iterator[tuple[str, Entry]]:
        people = self._scope.people
        names = with_uuid(people).attributes
        for any_uuid in uuid_filters(uuids):
            filter_ = f"(&{people.filter}{any_uuid})"
            for _, entry in self._session.search(people.base, ldap.SCOPE_SUBTREE, filter_, *names):
                yield take_uuid(entry, people), entry

    def _has_branch(self, uuids: list[str]) -> bool:
        """Return whether one of these is no person and has entries below it."""
        branch = f"(!{self._scope.people.filter})(hasSubordinates=TRUE)"
        return any(
            self._session.search_visible(context, ldap.SCOPE_SUBTREE, f"(&{branch}{any_uuid})")
            for context in self._scope.contexts
            for any_uuid in uuid_filters(uuids)
        )

    def _checkpoint(self, *, ends_snapshot: bool = False) -> Checkpoint:
        """Return the position, which is before every change if everybody must be read."""
        position = self._position
        if self._must_read_all:
            position = replace(position, changelog="")
        return Checkpoint(str(position), ends_snapshot)
