"""One connection's reading of the people and of their groups, as events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import ldap

from ....follower import (
    Checkpoint,
    ContinuityLost,
    Deleted,
    DeleteUnmentioned,
    Event,
    Heartbeat,
    SnapshotStarted,
    StopSignal,
    Unchanged,
    Upserted,
)
from ..dn import within
from ..follower import UUID
from ..search import Search
from .memberships import MEMBER, Expected, Memberships, RetryQueue
from .session import (
    DELETE,
    ID_SET,
    PRESENT,
    REFRESH_DELETE,
    SyncEntry,
    SyncInfo,
    SyncNews,
    SyncPosition,
    SyncSession,
)

MEMBER_OF = "memberOf"


@dataclass(frozen=True)
class SyncScope:
    """What to read. groups: None when memberships do not show on people.

    shape: gives the digest of all that decides how people are read, as it is at the moment.
    """

    people: Search
    groups: Search | None
    shape: Callable[[], str]


class SyncStream:
    """Reads on from a position."""

    def __init__(self, session: SyncSession, plan: SyncScope, position: SyncPosition) -> None:
        self._session = session
        self._people = plan.people
        self._groups = plan.groups
        self._shape = plan.shape
        self._shape_now = plan.shape()
        self._position = position
        self._memberships = Memberships()
        self._retries = RetryQueue()
        self._reread: set[str] = set()
        self._listing = True

    def events(self, stop: StopSignal) -> Iterator[Event]:
        """Yield what happens until it is told to stop, or until people must be read otherwise."""
        groups = self._read_groups(stop)
        begun = self._begin()
        yield SnapshotStarted(complete=not begun)
        self._session.follow(self._people, begun)
        while not stop.is_set and self._shape_now == self._position.shape:
            message = self._session.poll()
            if message is None:
                yield from self._quiet(stop)
            elif message.search == groups:
                self._retries.expect(self._group(message))
            else:
                yield from self._person(message)

    def _begin(self) -> str:
        """Give the cookie to begin with: none if people must be read again for another reason."""
        now = SyncPosition("", self._memberships.digest, self._shape_now)
        if (now.groups, now.shape) == (self._position.groups, self._position.shape):
            return self._position.people
        self._position = now
        return ""

    def _read_groups(self, stop: StopSignal) -> int | None:
        """Take in all groups before the first person is read; later changes are then told."""
        if self._groups is None:
            return None
        search, done = self._session.follow(self._groups, ""), False
        while not done and not stop.is_set:
            message = self._session.poll()
            if message is None:
                stop.wait(stop.heartbeat_interval, self._session.fileno())
            else:
                done = isinstance(message, SyncNews) and message.info.done
                self._group(message)
        return search

    def _group(self, message: SyncEntry | SyncNews) -> list[Expected]:
        if isinstance(message, SyncNews):
            return []
        uuid = message.state.uuid
        if message.state.state == DELETE:
            return self._memberships.drop(uuid)
        members = (v for v in message.entry.get(MEMBER, ()) if isinstance(v, bytes))
        return self._memberships.put(uuid, message.name, members)

    def _person(self, message: SyncEntry | SyncNews) -> Iterator[Event]:
        if isinstance(message, SyncNews):
            yield from self._news(message.info)
            return
        state, uuid, cookie = message.state
        if state == DELETE:
            yield Deleted([uuid])
        elif state == PRESENT:
            yield Unchanged([uuid])
        elif uuid in self._reread:  # the message may be older than what was read
            yield from self._read(message.name)
        else:
            yield Upserted(uuid, message.entry)
        if cookie and not self._listing:
            yield self._reached(cookie)

    def _news(self, info: SyncInfo) -> Iterator[Event]:
        """Cookies count behind the refresh alone: one in the middle does not cover it all."""
        if info.kind == ID_SET:
            yield (Deleted if info.deletes else Unchanged)([*info.uuids])
        elif info.done and self._listing:
            yield from self._listed(info)
        elif info.cookie and not self._listing:
            yield self._reached(info.cookie)

    def _listed(self, info: SyncInfo) -> Iterator[Event]:
        if info.cookie == "" and self._position.people:
            raise ContinuityLost("the directory took the cookie for none and told everything")
        if info.kind != REFRESH_DELETE or not self._position.people:
            yield DeleteUnmentioned()
        self._listing = False
        yield self._reached(info.cookie or self._position.people, ends_snapshot=True)

    def _reached(self, people: str, *, ends_snapshot: bool = False) -> Checkpoint:
        self._position = replace(self._position, people=people)
        return Checkpoint(str(self._position), ends_snapshot)

    def _quiet(self, stop: StopSignal) -> Iterator[Event]:
        """Wait for the next message; read meanwhile whoever is to be read again."""
        for change in self._retries.due():
            yield from self._look(change)
        pause = self._retries.pause()
        if not self._listing:
            if pause is None and self._position.groups != self._memberships.digest:
                yield self._settled()
            yield Heartbeat()
        if not stop.wait(
            stop.heartbeat_interval if pause is None else pause, self._session.fileno()
        ):
            yield from self._nothing_came()

    def _nothing_came(self) -> Iterator[Event]:
        self._session.ping()
        self._shape_now = self._shape()
        if self._listing:
            yield Heartbeat()

    def _settled(self) -> Checkpoint:
        """Say that all people have been read with the memberships as they are."""
        self._position = replace(self._position, groups=self._memberships.digest)
        return Checkpoint(str(self._position))

    def _look(self, change: Expected) -> Iterator[Event]:
        settled = True
        for seen in self._read(change.person):
            self._reread.add(seen.id)
            member_of = seen.entry.get(MEMBER_OF, ())
            settled = change.holds(v for v in member_of if isinstance(v, bytes))
            yield seen
        self._retries.looked(change, settled=settled)

    def _read(self, name: str) -> Iterator[Upserted]:
        """Read one person; nobody comes when none of that name is among the people."""
        if not within(name, self._people.base):
            return
        names = (*self._people.attributes, UUID)
        try:
            found = self._session.read(name, ldap.SCOPE_BASE, self._people.filter, *names)
        except (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX):
            return
        for _, entry in found:
            yield Upserted(entry.pop(UUID)[0].decode(), entry)
