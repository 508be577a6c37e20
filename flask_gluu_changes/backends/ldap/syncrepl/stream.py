"""One connection's reading of the people and of their groups, as events."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any

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
from ....model import Entry
from ..dn import within
from ..follower import CSN, UUID, UUIDS_PER_SEARCH, take_uuid, uuid_filters, uuid_of
from ..groups import GROUPS, MEMBER_OF, MEMBERS, members_of
from ..search import Search
from .memberships import (
    ExpectedMembership,
    Memberships,
    RetryQueue,
)
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
    csns,
)
from .stamps import Stamps, values_of

log = logging.getLogger(__name__)

FIRST_COMPARISON = 10.0
"""Seconds after the beginning: slapd may have been writing memberOf while people were read."""

MAX_SHARE_LOOKED_UP = 0.05
"""Of all people, by their entryUUIDs: without an index of that each search reads all."""


@dataclass(frozen=True)
class SyncScope:
    """What to read. groups: None when memberships do not show on people.

    context: the naming context of the people, of whose entries a cookie names the last change.
    references: attributes of people that overlays may write without reporting it.

    shape: returns the digest of all that decides how people are read, as it is at the moment.
    compare_interval: seconds between two comparisons of everybody with what was told.
    """

    context: str
    people: Search
    groups: Search | None
    references: frozenset[str]
    shape: Callable[[], str]
    compare_interval: float


class SyncStream:
    """The events of one connection, from a position on.

    A cookie names those who were changed since, as far as slapd knows. Whoever else is not as was
    told, by the stamps, is read again at the end of a refresh, and now and then afterwards. The
    stamps are read once slapd reports what is written: before, it might be neither.
    """

    def __init__(self, session: SyncSession, scope: SyncScope, position: SyncPosition) -> None:
        self._session = session
        self._scope = scope
        self._shape = scope.shape()
        self._position = position
        self._memberships = Memberships()
        self._retries = RetryQueue()
        self._told = Stamps()
        self._unsaved = False
        self._mentioned: set[str] = set()
        self._read_at: dict[str, bytes] = {}
        self._keeps_csn = CSN in scope.people.attributes
        self._refreshing = True
        self._compare_at = monotonic() + min(scope.compare_interval, FIRST_COMPARISON)

    def events(self, stop: StopSignal) -> Iterator[Event]:
        """Yield what happens until it is told to stop, or until people must be read otherwise."""
        groups = self._read_groups(stop)
        cookie = self._start_cookie()
        yield SnapshotStarted(complete=not cookie)
        names = dict.fromkeys((*self._scope.people.attributes, CSN))
        self._session.follow(self._scope.people.with_attributes(*names), cookie)
        while not stop.is_set and self._shape == self._position.shape:
            message = self._session.poll()
            if message is None:
                yield from self._wait(stop)
            elif message.message_id == groups:
                self._retries.expect(self._group(message))
            else:
                yield from self._person(message)

    def suspect(self, uuids: Iterable[str]) -> None:
        """Note that people are there of whom nothing told: a comparison reads or removes them."""
        for uuid in uuids:
            self._told.put(uuid, b"", ())

    def _start_cookie(self) -> str:
        """Return the cookie to begin with: none if people must be read otherwise than before."""
        if self._shape != self._position.shape:
            self._position = SyncPosition("", "", self._shape)
        return self._position.people

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
        return self._memberships.put(uuid, message.dn, members_of(message.entry))

    def _person(self, message: SyncEntry | SyncInfoMessage) -> Iterable[Event]:
        if isinstance(message, SyncInfoMessage):
            return self._sync_info(message.info)
        state, uuid, cookie = message.state
        events: Iterable[Event]
        if state == DELETE:
            events = (self._deleted([uuid]),)
        elif state == PRESENT:
            events = (self._unchanged([uuid]),)
        elif uuid in self._read_at and not self._is_newer(uuid, message.entry):
            events = self._read_one(uuid)
        else:
            events = (self._upserted(uuid, message.dn, message.entry),)
        return self._up_to(cookie, events) if cookie and not self._refreshing else events

    def _up_to(self, cookie: str, events: Iterable[Event]) -> Iterator[Event]:
        yield from events
        yield self._checkpoint(cookie)

    def _is_newer(self, uuid: str, entry: Entry) -> bool:
        """Return whether a message is newer than what was read: its octets may be older."""
        csn = entry.get(CSN, (b"",))[0]
        newer = isinstance(csn, bytes) and csn > self._read_at[uuid]
        if newer:
            del self._read_at[uuid]
        return newer

    def _upserted(self, uuid: str, dn: str, entry: Any) -> Upserted:
        """Note what is told of a person; memberships that its groups do not have are suspect."""
        csn = entry.get(CSN, (b"",)) if self._keeps_csn else entry.pop(CSN, (b"",))
        self._told.put(uuid, csn[0], values_of(entry, self._scope.references))
        self._unsaved = True
        if self._refreshing:
            if self._position.people:
                self._mentioned.add(uuid)
        elif self._scope.groups is not None:
            self._check_groups(uuid, dn, entry.get(MEMBER_OF, ()))
        return Upserted(uuid, entry)

    def _check_groups(self, uuid: str, dn: str, member_of: Iterable[Any]) -> None:
        """Read the groups anew that disagree with a person, and the person until all agree."""
        odd = self._memberships.odd(uuid, dn, member_of)
        for group in {expected.group for expected in odd}:
            self._retries.expect(self._read_group(group))
        if odd:
            self._retries.expect(self._memberships.note(self._memberships.odd(uuid, dn, member_of)))

    def _read_group(self, group: str) -> list[ExpectedMembership]:
        known = self._memberships.find(group)
        if known is None:
            return []
        uuid, dn = known
        for found, entry in self._session.search_visible(
            dn, ldap.SCOPE_BASE, GROUPS, UUID, *MEMBERS
        ):
            if uuid_of(entry) == uuid:
                return self._memberships.put(uuid, found, members_of(entry))
        return self._memberships.drop(uuid)

    def _deleted(self, uuids: list[str]) -> Deleted:
        for uuid in uuids:
            self._told.drop(uuid)
        self._unsaved = True
        return Deleted(uuids)

    def _unchanged(self, uuids: list[str]) -> Unchanged:
        self._mentioned.update(uuids)
        return Unchanged(uuids)

    def _sync_info(self, info: SyncInfo) -> Iterator[Event]:
        """Yield the events of a Sync Info message.

        Cookies count after the refresh alone: one in the middle does not cover all of it.
        """
        if info.kind == ID_SET:
            yield (self._deleted if info.deletes else self._unchanged)([*info.uuids])
        elif info.done and self._refreshing:
            yield from self._end_refresh(info)
        elif info.cookie and not self._refreshing:
            yield self._checkpoint(info.cookie)

    def _end_refresh(self, info: SyncInfo) -> Iterator[Event]:
        if info.cookie == "" and self._position.people:
            raise ContinuityLost("the directory ignored the cookie and sent everything")
        if self._position.people:
            yield from self._correct(info)
        else:
            yield DeleteUnmentioned()
        self._refreshing, self._mentioned = False, set()
        yield self._checkpoint(info.cookie or self._position.people, ends_snapshot=True)

    def _correct(self, info: SyncInfo) -> Iterator[Event]:
        """Read those who are not as was told, and say who is there, as far as slapd did not."""
        found = self._session.stamps(self._scope.people, self._scope.references)
        others = found.in_other_buckets(self._position.told)
        news, self._told = self._told, found
        yield from self._read_others(news.outdated(found, others or set()))
        yield from self._look_up([*self._mentioned.difference(self._told)])
        # A refresh that ends with a delete phase has named all that is gone (RFC 4533, 3.3.2).
        if others is not None or info.kind != REFRESH_DELETE:
            yield self._unchanged([uuid for uuid in self._told if uuid not in self._mentioned])
            yield DeleteUnmentioned()

    def _read_others(self, others: set[str]) -> Iterator[Event]:
        if others:
            if self._position.told:  # else following was interrupted, and nothing is known
                self._say_restored()
            log.info("reading %d people again, to find what slapd did not report", len(others))
        yield from self._read_again(others)

    def _say_restored(self) -> None:
        """Say so where nothing is left of the last change that was told."""
        told = csns(self._position.people.encode()).values()
        if not any(self._session.has_change(self._scope.context, csn) for csn in told):
            log.warning(
                "the directory lacks the last change that it told, and people are not as they were"
                " told: it was restored from an older copy, or its clock was set back"
            )

    def _cookie_if_due(self) -> Iterator[Checkpoint]:
        """Yield a cookie that tells of all that was told, where there is none yet."""
        if self._unsaved and not self._refreshing:
            yield self._checkpoint(self._position.people)

    def _checkpoint(self, cookie: str, *, ends_snapshot: bool = False) -> Checkpoint:
        # While slapd's clock is behind its contextCSN, the cookies that it sends hold no number.
        people = cookie if csns(cookie.encode()) else self._position.people
        self._position = SyncPosition(people, self._told.sketch, self._position.shape)
        self._unsaved = False
        return Checkpoint(str(self._position), ends_snapshot)

    def _wait(self, stop: StopSignal) -> Iterator[Event]:
        """Read people whose memberships are due, then wait for the next message."""
        for expected in self._retries.due():
            yield from self._retry(expected)
            yield from self._cookie_if_due()
        pause = self._retries.pause()
        yield from self._cookie_if_due()
        if not self._refreshing:
            yield Heartbeat(pending=pause is not None)
        seconds = stop.heartbeat_interval if pause is None else pause
        if not stop.wait(seconds, self._session.fileno()):
            yield from self._check_directory()

    def _check_directory(self) -> Iterator[Event]:
        """Make sure that the directory is there, and see whether people must be read otherwise."""
        self._session.ping()
        self._shape = self._scope.shape()
        if self._refreshing:
            yield Heartbeat()
        elif monotonic() >= self._compare_at:
            yield from self._compare()
            self._compare_at = monotonic() + self._scope.compare_interval

    def _compare(self) -> Iterator[Event]:
        """Find what no message tells: computed memberships, and subtrees that were moved."""
        found = self._session.stamps(self._scope.people, self._scope.references)
        yield from self._read_again(found.other_than(self._told))

    def _retry(self, expected: ExpectedMembership) -> Iterator[Event]:
        met = True  # by nobody, if the person is gone
        found = (
            self._by_uuid([expected.person]) if expected.stray else self._by_name(expected.person)
        )
        for uuid, dn, entry in found:
            member_of = entry.get(MEMBER_OF, ())
            met = expected.is_met(v for v in member_of if isinstance(v, bytes))
            yield self._read_now(uuid, dn, entry)
        self._retries.tried(expected, met=met)

    def _read_one(self, uuid: str) -> Iterator[Event]:
        for found in self._by_uuid([uuid]):
            yield self._read_now(*found)

    def _read_again(self, asked: set[str]) -> Iterator[Event]:
        """Read people again; who is not found is no longer among the people."""
        missing = {*asked}
        if self._are_many(asked):
            yield from self._found_among_all(missing)
        yield from self._look_up([*missing])

    def _are_many(self, asked: set[str]) -> bool:
        """Return whether one search for everybody is better: without an index each reads all."""
        return len(asked) > max(UUIDS_PER_SEARCH, len(self._told) * MAX_SHARE_LOOKED_UP)

    def _found_among_all(self, missing: set[str]) -> Iterator[Event]:
        """Read those who are missing by one search, and take whom it finds out of the set.

        It may miss people who are moved among the people meanwhile: slapd goes on, by their places.
        """
        for number, (uuid, dn, entry) in enumerate(self._everybody(), 1):
            if uuid in missing:
                missing.discard(uuid)
                yield self._read_now(uuid, dn, entry)
            if not number % UUIDS_PER_SEARCH:
                yield from self._cookie_if_due()

    def _look_up(self, asked: list[str]) -> Iterator[Event]:
        """Read people by their entryUUIDs, wherever they are by now."""
        missing = {*asked}
        for number, (uuid, dn, entry) in enumerate(self._by_uuid(asked), 1):
            missing.discard(uuid)
            yield self._read_now(uuid, dn, entry)
            if not number % UUIDS_PER_SEARCH:
                yield from self._cookie_if_due()
        if missing:  # all at once: are they too many, none of them may go
            yield self._deleted([*missing])
        yield from self._cookie_if_due()

    def _read_now(self, uuid: str, dn: str, entry: Entry) -> Upserted:
        """Note that a person was read, not reported: messages that are under way may be older."""
        csn = entry.get(CSN, (b"",))[0]
        self._read_at[uuid] = csn if isinstance(csn, bytes) else b""
        return self._upserted(uuid, dn, entry)

    def _by_uuid(self, uuids: list[str]) -> Iterator[tuple[str, str, Entry]]:
        people = self._scope.people
        for filter_ in uuid_filters(uuids):
            yield from self._found(people.base, ldap.SCOPE_SUBTREE, f"(&{people.filter}{filter_})")

    def _by_name(self, dn: str) -> Iterator[tuple[str, str, Entry]]:
        """Read one person; yield nothing when no person has that name."""
        if within(dn, self._scope.people.base):
            try:
                yield from self._found(dn, ldap.SCOPE_BASE, self._scope.people.filter)
            except (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX):
                return

    def _found(self, base: str, scope: int, filter_: str) -> Iterator[tuple[str, str, Entry]]:
        people = self._with_stamps()
        for dn, entry in self._session.search(base, scope, filter_, *people.attributes):
            yield take_uuid(entry, self._scope.people), dn, entry

    def _everybody(self) -> Iterator[tuple[str, str, Entry]]:
        for dn, entry in self._session.everybody(self._with_stamps()):
            yield take_uuid(entry, self._scope.people), dn, entry

    def _with_stamps(self) -> Search:
        people = self._scope.people
        return people.with_attributes(*dict.fromkeys((*people.attributes, UUID, CSN)))
