"""A query knows which entries belong to its answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_gluu_changes import ChangesQuery
from flask_gluu_changes.model import Value, time_of
from flask_gluu_changes.timestamps import to_generalized_time, to_micros

SINCE = datetime(2019, 12, 24, 17, 0, 3, 500_000, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

times = st.datetimes(timezones=st.just(UTC)).map(
    lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000)
)


def _octets(time: datetime) -> bytes:
    return to_generalized_time(time).encode()


@given(since=times, changed=times)
def test_an_entry_at_or_after_the_time_matches(since: datetime, changed: datetime) -> None:
    """Whether its store delivers octets, text or datetimes."""
    query = ChangesQuery(since)
    values: list[Value] = [
        _octets(changed),
        to_generalized_time(changed),
        changed,
        changed.replace(tzinfo=None),
    ]
    for value in values:
        assert query.matches({"updatedAt": [value]}) is (changed >= since)


@pytest.mark.parametrize(("late", "matches"), [(-1, False), (0, True), (1, True)])
@pytest.mark.parametrize("attribute", ["updatedAt", "oxCreationTimestamp"])
def test_the_bound_is_inclusive(attribute: str, late: int, matches: bool) -> None:
    """To the millisecond, for either of the attributes that count."""
    entry = {attribute: [_octets(SINCE + late * MILLISECOND)]}
    assert ChangesQuery(SINCE).matches(entry) is matches


def test_a_microsecond_before_is_too_early() -> None:
    """Databases may hold finer times than a request can name."""
    entry = {"updatedAt": [SINCE - timedelta(microseconds=1)]}
    assert not ChangesQuery(SINCE).matches(entry)


@pytest.mark.parametrize("attribute", ["modifyTimestamp", "createTimestamp", "MODIFYTIMESTAMP"])
def test_times_that_servers_write_are_asked_for_from_the_whole_second(attribute: str) -> None:
    """They have no fraction: what changed later in the same second must not be lost."""
    query = ChangesQuery(SINCE, (attribute, "updatedAt"))
    assert query.bound(attribute) == SINCE.replace(microsecond=0)
    assert query.bound("updatedAt") == SINCE
    assert query.matches({attribute: [b"20191224170003Z"]})
    assert not query.matches({attribute: [b"20191224170002Z"]})
    assert not query.matches({"updatedAt": [b"20191224170003Z"]})


@pytest.mark.parametrize(
    "values",
    [
        [],
        [b"yesterday"],
        [""],
        [b"\xff\xfe"],
        [True],
        [99999999999999],
        [b"20191225T000000Z"],
        [datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))],
    ],
)
def test_unreadable_times_do_not_match(values: list[Value]) -> None:
    """They neither fail the answer, nor hide a readable one beside them."""
    query = ChangesQuery(datetime.min.replace(tzinfo=UTC))
    assert not query.matches({"updatedAt": values})
    assert query.matches({"updatedAt": [*values, b"20191225000000Z"]})
    assert query.matches({"updatedAt": values, "oxCreationTimestamp": [b"00010101000000Z"]})


def test_only_the_named_attributes_count() -> None:
    """And any one of them is enough."""
    query = ChangesQuery(SINCE, ("changed", "born"))
    later, earlier = _octets(SINCE), _octets(SINCE - MILLISECOND)
    assert not query.matches({"updatedAt": [later]})
    assert not query.matches({"changed": [earlier], "born": [earlier]})
    assert query.matches({"changed": [earlier], "born": [later]})
    assert query.matches({"changed": [earlier, later]})


def test_an_entry_without_times_does_not_match() -> None:
    """A person who never changed is not in any answer."""
    assert not ChangesQuery(datetime.min.replace(tzinfo=UTC)).matches({"uid": [b"a"]})


@given(times, st.integers())
def test_a_time_is_compared_in_microseconds(time: datetime, unreadable: int) -> None:
    """Of any kind; what cannot be read counts as what the caller says."""
    assert time_of(time, unreadable) == time_of(_octets(time), unreadable) == to_micros(time)
    assert time_of(b"no time", unreadable) == unreadable
