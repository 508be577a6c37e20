"""Requests that hold a thread for long leave threads to others."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from flask_gluu_changes.web.capacity import LOG_INTERVAL, Busy, Capacity, Kind, Limits, Place
from tests.support.clocks import Clock

MANY = 10_000


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def capacity(clock: Clock) -> Capacity:
    """Of a server with eight threads."""
    return Capacity(lambda: Limits.of(8, MANY), clock)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Gives back all that was entered."""
    with ExitStack() as stack:
        yield stack


def _take_all(capacity: Capacity, stack: ExitStack, kind: Kind, clients: int = MANY) -> int:
    """Take places, each client in turn, until none gets one; return how many."""
    taken = 0
    for client in range(min(clients, 100)):
        with suppress(Busy):
            while True:
                stack.enter_context(capacity.take(kind, f"client {client}"))
                taken += 1
    return taken


@pytest.mark.parametrize("threads", [1, 2, 3, 4, 5, 8, 15, 64])
@pytest.mark.parametrize("first", Kind)
@pytest.mark.parametrize("second", Kind)
def test_half_of_the_threads_stay_free(
    threads: int, first: Kind, second: Kind, stack: ExitStack
) -> None:
    """Whoever comes first; of one thread none can."""
    capacity = Capacity(lambda: Limits.of(threads, MANY))
    taken = sum(_take_all(capacity, stack, kind) for kind in (first, second, *Kind))
    assert taken <= max(1, threads // 2)


@pytest.mark.parametrize("kind", [Kind.WAIT, Kind.SENDING])
@pytest.mark.parametrize(("threads", "most"), [(2, 1), (4, 1), (8, 3), (9, 3), (16, 6), (64, 24)])
def test_three_quarters_of_the_places_may_be_held_by_one_kind(
    kind: Kind, threads: int, most: int, stack: ExitStack
) -> None:
    """By all clients together, and half of that by one."""
    capacity = Capacity(lambda: Limits.of(threads, MANY))
    assert _take_all(capacity, stack, kind, clients=1) == (most + 1) // 2
    assert _take_all(capacity, stack, kind) == most // 2


def test_nobody_waits_on_the_only_thread(stack: ExitStack) -> None:
    """A long answer has to be sent by it, though."""
    capacity = Capacity(lambda: Limits.of(1, MANY))
    assert _take_all(capacity, stack, Kind.WAIT) == 0
    assert _take_all(capacity, stack, Kind.SENDING) == 1


def test_the_operators_own_limit_of_waiters_counts(stack: ExitStack) -> None:
    """Where it is smaller."""
    capacity = Capacity(lambda: Limits.of(64, 3))
    assert _take_all(capacity, stack, Kind.WAIT) == 3


@pytest.mark.parametrize(("threads", "most"), [(1, 1), (4, 1), (8, 2), (1000, 2)])
def test_few_large_answers_are_read_at_a_time(threads: int, most: int, stack: ExitStack) -> None:
    """More would only make each take longer."""
    capacity = Capacity(lambda: Limits.of(threads, MANY))
    assert _take_all(capacity, stack, Kind.READING) == most


@pytest.mark.parametrize(("client", "is_own"), [("a", True), ("d", False)])
def test_who_finds_no_place_is_told_whose_fault_it_is(
    capacity: Capacity, stack: ExitStack, client: str, is_own: bool
) -> None:
    """429 is for the client itself, 503 for the server."""
    for name in ("a", "a", "b"):
        stack.enter_context(capacity.take(Kind.WAIT, name))
    with pytest.raises(Busy) as caught:
        capacity.take(Kind.WAIT, client)
    assert caught.value.is_own is is_own


def test_a_place_is_given_back_once(capacity: Capacity, stack: ExitStack) -> None:
    """However often it is said, and for the next one to take."""
    place = capacity.take(Kind.SENDING, "a")
    for _ in range(3):
        place.give_back()
    assert _take_all(capacity, stack, Kind.SENDING) == 3


def test_a_place_that_is_forgotten_is_given_back(capacity: Capacity, stack: ExitStack) -> None:
    """A host may replace an answer that was never begun."""
    places: list[Place] = [capacity.take(Kind.SENDING, "a") for _ in range(2)]
    places.clear()
    assert _take_all(capacity, stack, Kind.SENDING) == 3


def test_the_server_is_asked_once() -> None:
    """At the first request that needs to know."""
    asked: list[None] = []

    def find() -> Limits:
        asked.append(None)
        return Limits.of(8, MANY)

    capacity = Capacity(find)
    assert not asked
    for _ in range(3):
        capacity.take(Kind.WAIT, "a").give_back()
    assert len(asked) == 1


def test_refusals_are_logged_once_a_minute(
    capacity: Capacity, clock: Clock, stack: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    """Of each kind; a flood of requests does not become one of lines."""
    caplog.set_level(logging.WARNING)
    for clock.now in (0.0, LOG_INTERVAL - 1, LOG_INTERVAL):
        for kind in (Kind.WAIT, Kind.SENDING):
            _take_all(capacity, stack, kind)
    assert [record.args for record in caplog.records] == [
        ("wait for a change", 3, 2),
        ("are sent a long answer", 3, 2),
    ] * 2
