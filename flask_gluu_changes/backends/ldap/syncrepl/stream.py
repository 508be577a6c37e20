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
from .memberships import MEMBER, ExpectedMembership, Memberships, RetryQueue
from .session import (
    DELETE,
    ID_SET,
    PRESENT,
    REFRESH_DELETE,
    SyncEntry,
    SyncInfo,
    SyncInfoMessage,
    SyncPosition,
    SyncSession,
)

MEMBER_OF = "memberOf"


@dataclass(frozen=True)
class SyncScope:
    """What to read. groups: None when memberships do not show on people.

    shape: returns the digest of all that decides how people are read, as it is at the moment.
    """

    people: Search
    groups: Search | None
    shape: Callable[[], str]


class SyncStream:
    """The events of one connection, from a position on."""

    def __init__(self, session: SyncSession, scope: SyncScope, position: SyncPosition) -> None:
        self._session = session
        self._scope = scope
        self._shape = scope.shape()
        self._position = position
        self._memberships = Memberships()
        self._retries = RetryQueue()
        self._read_again: set[str] = set()
        self._refreshing = True

    def events(self, stop: StopSignal) -> Iterator[Event]:
        """Yield what happens until it is told to stop, or until people must be read otherwise."""
        groups = self._read_groups(stop)
        cookie = self._start_cookie()
        yield SnapshotStarted(complete=not cookie)
        self._session.follow(self._scope.people, cookie)
        while not stop.is_set and self._shape == self._position.shape:
            message = self._session.poll()
            if message is None:
                yield from self._wait(stop)
            elif message.message_id == groups:
                self._retries.expect(self._group(message))
            else:
                yield from self._person(message)

    def _start_cookie(self) -> str:
        """Return the cookie to begin with: none if people must be read again for another reason."""
        now = SyncPosition("", self._memberships.digest, self._shape)
        if (now.groups, now.shape) == (self._position.groups, self._position.shape):
            return self._position.people
        self._position = now
        return ""

    def _read_groups(self, stop: StopSignal) -> int | None:
        """Take in all groups before the first person is read; later changes are then reported.

        Returns the id of their messages.
        """
        if self._scope.groups is None:
            return None
        message_id, done = self._session.follow(self._scope.groups, ""), False
        while not done and not stop.is_set:
            message = self._session.poll()
            if message is None:
                stop.wait(stop.heartbeat_interval, self._session.fileno())
            else:
                done = isinstance(message, SyncInfoMessage) and message.info.done
                self._group(message)
        return message_id

    def _group(self, message: SyncEntry | SyncInfoMessage) -> list[ExpectedMembership]:
        if isinstance(message, SyncInfoMessage):
            return []
        uuid = message.state.uuid
        if message.state.state == DELETE:
            return self._memberships.drop(uuid)
        members = (v for v in message.entry.get(MEMBER, ()) if isinstance(v, bytes))
        return self._memberships.put(uuid, message.dn, members)

    def _person(self, message: SyncEntry | SyncInfoMessage) -> Iterator[Event]:
        if isinstance(message, SyncInfoMessage):
            yield from self._sync_info(message.info)
            return
        state, uuid, cookie = message.state
        if state == DELETE:
            yield Deleted([uuid])
        elif state == PRESENT:
            yield Unchanged([uuid])
        elif uuid in self._read_again:  # the message may be older than what was read
            yield from self._read(message.dn)
        else:
            yield Upserted(uuid, message.entry)
        if cookie and not self._refreshing:
            yield self._checkpoint(cookie)

    def _sync_info(self, info: SyncInfo) -> Iterator[Event]:
        """Yield the events of a Sync Info message.

        Cookies count after the refresh alone: one in the middle does not cover all of it.
        """
        if info.kind == ID_SET:
            yield (Deleted if info.deletes else Unchanged)([*info.uuids])
        elif info.done and self._refreshing:
            yield from self._end_refresh(info)
        elif info.cookie and not self._refreshing:
            yield self._checkpoint(info.cookie)

    def _end_refresh(self, info: SyncInfo) -> Iterator[Event]:
        if info.cookie == "" and self._position.people:
            raise ContinuityLost("the directory ignored the cookie and sent everything")
        # A refresh that ends with a delete phase has named all that is gone (RFC 4533, 3.3.2).
        if info.kind != REFRESH_DELETE or not self._position.people:
            yield DeleteUnmentioned()
        self._refreshing = False
        yield self._checkpoint(info.cookie or self._position.people, ends_snapshot=True)

    def _checkpoint(self, cookie: str, *, ends_snapshot: bool = False) -> Checkpoint:
        self._position = replace(self._position, people=cookie)
        return Checkpoint(str(self._position), ends_snapshot)

    def _wait(self, stop: StopSignal) -> Iterator[Event]:
        """Read people whose memberships are due, then wait for the next message."""
        for expected in self._retries.due():
            yield from self._retry(expected)
        pause = self._retries.pause()
        if not self._refreshing:
            if pause is None and self._position.groups != self._memberships.digest:
                yield self._memberships_checkpoint()
            yield Heartbeat()
        seconds = stop.heartbeat_interval if pause is None else pause
        if not stop.wait(seconds, self._session.fileno()):
            yield from self._check_directory()

    def _check_directory(self) -> Iterator[Event]:
        """Make sure that the directory is there, and see whether people must be read otherwise."""
        self._session.ping()
        self._shape = self._scope.shape()
        if self._refreshing:
            yield Heartbeat()

    def _memberships_checkpoint(self) -> Checkpoint:
        """Note that all people have been read with the memberships as they are."""
        self._position = replace(self._position, groups=self._memberships.digest)
        return Checkpoint(str(self._position))

    def _retry(self, expected: ExpectedMembership) -> Iterator[Event]:
        met = True  # by nobody, if the person is gone
        for person in self._read(expected.person):
            self._read_again.add(person.id)
            member_of = person.entry.get(MEMBER_OF, ())
            met = expected.is_met(v for v in member_of if isinstance(v, bytes))
            yield person
        self._retries.tried(expected, met=met)

    def _read(self, dn: str) -> Iterator[Upserted]:
        """Read one person; yield nothing when no person has that name."""
        people = self._scope.people
        if not within(dn, people.base):
            return
        names = (*people.attributes, UUID)
        try:
            found = self._session.search(dn, ldap.SCOPE_BASE, people.filter, *names)
        except (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX):
            return
        for _, entry in found:
            yield Upserted(entry.pop(UUID)[0].decode(), entry)
