"""A walk through the feed misses nobody and shows nobody twice, whatever happens meanwhile."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from flask_gluu_changes import AttributeType, Entry
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.feed.feed import Feed
from flask_gluu_changes.feed.sessions import PagingSessions
from flask_gluu_changes.feed.snapshot import Page
from flask_gluu_changes.timestamps import to_micros
from flask_gluu_changes.visibility import Visibility
from tests.support.clocks import Clock

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
SECONDS = 10.0

numbers = st.integers(0, 30)
edits = st.tuples(st.sampled_from(["add", "delete", "rename", "touch"]), numbers, numbers)


def _person(inum: int, uid: int | None = None) -> Entry:
    name = inum if uid is None else uid
    return {"uid": [b"u%02d" % name], "inum": [b"%02d" % inum], "updatedAt": [b"20200101000000Z"]}


NOW = datetime(2024, 5, 1, tzinfo=UTC)
LAG = timedelta(seconds=60)


def _feed(backend: MemoryBackend, clock: Clock | None = None) -> Feed:
    return Feed(
        backend,
        sessions=PagingSessions(seconds=SECONDS, limit=4, octets=10**6, clock=clock or Clock()),
        time_attributes=("updatedAt",),
        visibility=Visibility.of(denied=["secretAnswer"]),
        configured_type={"visits": AttributeType.NUMERIC, "x": AttributeType.NUMERIC}.get,
        lag=LAG,
        clock=lambda: NOW,
    )


def _page(feed: Feed, start: int, size: int = 2, caller: str = "a") -> list[int]:
    return _inums(feed.page(SINCE, caller=caller, start=start, size=size))


def _inums(page: Page) -> list[int]:
    return [int(json.loads(body)["inum"][0]) for body in page.bodies]


def _edit(people: dict[int, Entry], kind: str, inum: int, uid: int) -> None:
    """Do to the store what its other users do."""
    if kind == "delete":
        people.pop(inum, None)
    elif kind == "rename" and inum in people:
        people[inum] = _person(inum, uid)
    elif kind == "touch" and inum in people:
        people[inum] = {**people[inum], "updatedAt": [b"20210101000000Z"]}
    elif kind == "add":
        people.setdefault(inum, _person(inum, uid))


@given(inums=st.sets(numbers), size=st.integers(1, 7), changes=st.lists(st.lists(edits)))
def test_a_walk_gives_every_surviving_person_exactly_once(
    inums: set[int], size: int, changes: list[list[tuple[str, int, int]]]
) -> None:
    """People are added, deleted, renamed and changed between its pages."""
    people = {inum: _person(inum) for inum in inums}
    backend, found, start = MemoryBackend(people.values()), Counter[int](), 0
    feed = _feed(backend)
    while page := _page(feed, start, size):
        found.update(page)
        start += size
        for edit in changes.pop() if changes else ():
            _edit(people, *edit)
        backend.entries = list(people.values())
        if len(page) < size:
            break
    assert inums & people.keys() <= found.keys()
    assert set(found.values()) <= {1}
    assert found.keys() == inums


def test_the_beginning_always_looks_anew() -> None:
    """Offset 0 is what a client asks for that wants to know what is new."""
    backend = MemoryBackend([_person(1), _person(2)])
    feed = _feed(backend)
    assert _page(feed, 0) == [1, 2]
    backend.entries = [_person(0), *backend.entries]
    assert _page(feed, 0) == [0, 1]


def test_a_later_page_without_a_walk_looks_anew() -> None:
    """A client may begin anywhere, and one process may answer for another."""
    feed = _feed(MemoryBackend(map(_person, range(5))))
    assert _page(feed, 3) == [3, 4]
    assert _page(feed, 5) == []


def test_two_callers_do_not_mix() -> None:
    """Each goes on in the answer that it began."""
    backend = MemoryBackend(map(_person, range(4)))
    feed = _feed(backend)
    assert _page(feed, 0, caller="a") == [0, 1]
    backend.entries = [_person(i) for i in (1, 2, 3, 4)]
    assert _page(feed, 0, caller="b") == [1, 2]
    assert _page(feed, 2, caller="a") == [2, 3]
    assert _page(feed, 2, caller="b") == [3, 4]


def test_two_times_do_not_mix() -> None:
    """A caller may walk from an older time while another walk of his is under way."""
    feed = _feed(MemoryBackend([*map(_person, range(3)), {**_person(9), "updatedAt": [SINCE]}]))
    later = SINCE + timedelta(milliseconds=1)
    assert _page(feed, 0) == [0, 1]
    assert _inums(feed.page(later, caller="a", start=2, size=2)) == []
    assert _page(feed, 2) == [2, 9]


def test_a_walk_that_expired_begins_a_new_look() -> None:
    """Its offset then counts in what the store holds now."""
    clock, backend = Clock(), MemoryBackend(map(_person, range(4)))
    feed = _feed(backend, clock)
    assert _page(feed, 0) == [0, 1]
    backend.entries = [_person(i) for i in range(4, 8)]
    clock.now = SECONDS - 1
    assert _page(feed, 2, 1) == [2]
    clock.now += SECONDS
    assert _page(feed, 3, 1) == [7]


def test_an_empty_answer_is_not_kept() -> None:
    """It would hide the first person to come, and take another walk's room."""
    backend = MemoryBackend(map(_person, range(4)))
    feed, callers = _feed(backend), "abcd"
    assert [_page(feed, 0, caller=caller) for caller in callers] == [[0, 1]] * 4
    backend.entries = []
    assert _page(feed, 0, caller="e") == []
    backend.entries = [_person(i) for i in range(4, 8)]
    assert [_page(feed, 2, caller=caller) for caller in callers] == [[2, 3]] * 4
    assert _page(feed, 2, caller="e") == [6, 7]


def test_a_page_knows_its_latest_change() -> None:
    """And not what is on the next one."""
    late: Entry = {**_person(2), "updatedAt": [b"20210101000000Z"]}
    feed = _feed(MemoryBackend([_person(0), _person(1), late]))
    latest = [feed.page(SINCE, caller="a", start=start, size=2).latest for start in (0, 2, 4)]
    assert latest == [to_micros(SINCE), to_micros(SINCE.replace(year=2021)), None]


def _updated(inum: int, *times: datetime) -> Entry:
    return {**_person(inum), "updatedAt": list(times)}


def _latest(since: datetime, *people: Entry, size: int = 9) -> datetime:
    page = _feed(MemoryBackend(people)).page(since, caller="a", start=0, size=size)
    assert len(page.bodies) == min(len(people), size)
    return datetime.fromisoformat(json.loads(page.to_json())["latestUpdateAt"])


def test_a_time_in_the_future_carries_no_client_away() -> None:
    """Those who have one are shown, but the latest change is that of the others on the page."""
    future = _updated(2, datetime(2099, 1, 1, tzinfo=UTC))
    assert _latest(SINCE, _updated(1, NOW), future) == NOW
    assert _latest(SINCE, _updated(1, NOW + LAG), future) == NOW + LAG
    assert _latest(SINCE, _updated(1, NOW + LAG + timedelta(microseconds=1)), future) == SINCE
    assert _latest(SINCE, _updated(1, datetime.max.replace(tzinfo=UTC))) == SINCE


def test_the_latest_change_is_never_before_the_time_that_was_asked_for() -> None:
    """A client may itself ask from the future, where it went while nobody held it back."""
    asked = NOW + timedelta(days=365)
    assert _latest(asked, _updated(1, asked + LAG)) == asked
    assert _latest(asked) == asked


@given(times=st.lists(st.datetimes(SINCE.replace(tzinfo=None)), min_size=1, max_size=8))
def test_the_latest_change_is_no_later_than_now_and_the_lag(times: list[datetime]) -> None:
    """And no earlier than the time that was asked for, whatever the times, on every page."""
    people = [_updated(i, time.replace(tzinfo=UTC)) for i, time in enumerate(times)]
    assert SINCE <= _latest(SINCE, *people, size=3) <= NOW + LAG


def test_the_stores_types_come_before_the_configured_ones() -> None:
    """What the store leaves open is typed as the settings say; the rest is text."""
    person: Entry = {**_person(1), "visits": [b"5"], "x": [b"5"], "y": [b"5"]}
    backend = MemoryBackend([person], types={"X": AttributeType.STRING})
    (body,) = _feed(backend).page(SINCE, caller="a", start=0, size=1).bodies
    shown = json.loads(body)
    assert (shown["visits"], shown["x"], shown["y"]) == ([5], ["5"], ["5"])


def test_a_backend_is_told_what_nobody_will_see() -> None:
    """And what it sends nevertheless is hidden."""
    asked = []

    class Telling(MemoryBackend):
        def attribute_type(self, name: str) -> None:
            asked.append(name)

    backend = Telling([{**_person(1), "secretAnswer": [b"x"], "userPassword": [b"y"]}])
    (body,) = _feed(backend).page(SINCE, caller="a", start=0, size=1).bodies
    assert json.loads(body).keys() == {"inum", "uid", "updatedAt"}
    assert {"inum", "uid", "updatedAt"} <= set(asked)
