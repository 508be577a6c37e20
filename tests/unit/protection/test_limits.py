"""What an address may cause, to the question, and what a good token is spared."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Any

import pytest

from flask_gluu_changes.protection import limits
from flask_gluu_changes.protection.http import (
    AuthorizationServerNotAsked,
    AuthorizationServerUnavailable,
)
from flask_gluu_changes.protection.limits import (
    BURST,
    PER_SECOND,
    PLACES,
    Allowance,
    AskingLimits,
    TooManyQuestions,
)
from tests.support.scripted_server import StillClock

GOOD = {"active": True}


def left(allowance: Allowance, address: str = "a") -> int:
    """Spend all that an address has left; count it."""
    for number in range(2 * BURST):
        try:
            allowance.spend(address)
        except TooManyQuestions:
            return number
    raise AssertionError("there is no end")


def test_a_burst_and_then_a_steady_pace() -> None:
    clock = StillClock()
    allowance = Allowance(clock)
    assert [left(allowance), left(allowance)] == [BURST, 0]
    for seconds, questions in ((1, PER_SECOND), (0.5, 5), (0.25, 2), (0.25, 3), (2, 20)):
        clock.pass_by(seconds)
        assert left(allowance) == questions
    clock.pass_by(3600)
    assert left(allowance) == BURST


def test_each_address_has_its_own() -> None:
    allowance = Allowance(StillClock())
    left(allowance)
    assert left(allowance, "b") == BURST


def test_what_is_given_back_is_one_question_and_no_more_than_there_was() -> None:
    allowance = Allowance(StillClock())
    allowance.give_back("a")
    assert left(allowance) == BURST
    allowance.give_back("a")
    assert left(allowance) == 1


@pytest.mark.parametrize("asked", [GOOD, AuthorizationServerNotAsked()])
def test_good_tokens_and_what_nobody_was_asked_cost_nothing(asked: Any) -> None:
    asking = AskingLimits(0.01, StillClock())
    for number in range(2 * BURST):
        try:
            asking.ask(f"{number}", lambda: _give(asked))
        except AuthorizationServerNotAsked:
            continue
    assert left(asking.allowance, "") == BURST


@pytest.mark.parametrize("asked", [{}, AuthorizationServerUnavailable()])
def test_bad_tokens_and_failures_cost_one(asked: Any) -> None:
    asking = AskingLimits(0.01, StillClock())
    for number in range(10):
        try:
            asking.ask(f"{number}", lambda: _give(asked))
        except AuthorizationServerUnavailable:
            continue
    assert left(asking.allowance, "") == BURST - 10


def test_a_known_token_needs_no_allowance_and_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PLACES", 1)
    asking = AskingLimits(0.01, StillClock())
    assert asking.ask("known", lambda: GOOD) == GOOD
    left(asking.allowance, "")
    with pytest.raises(TooManyQuestions):
        asking.ask("other", lambda: GOOD)
    assert asking.ask("known", lambda: GOOD) == GOOD


def test_who_finds_no_place_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PLACES", 1)
    asking = AskingLimits(0.01, StillClock())
    found: list[type[Exception]] = []

    def second() -> None:
        try:
            asking.ask("b", dict)
        except AuthorizationServerUnavailable as error:
            found.append(type(error))

    def first() -> dict[str, Any]:
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(5)
        return {}

    asking.ask("a", first)
    assert found == [AuthorizationServerNotAsked]


def _give(asked: Any) -> Any:
    if isinstance(asked, Exception):
        raise asked
    return asked


def test_a_place_is_given_back_when_the_server_fails() -> None:
    asking = limits.AskingLimits(0.01, StillClock())

    def fail() -> Any:
        raise AuthorizationServerUnavailable

    for _ in range(PLACES + 1):
        with pytest.raises(AuthorizationServerUnavailable) as raised:
            asking.ask("t", fail)
        assert not isinstance(raised.value, AuthorizationServerNotAsked)


def test_a_token_that_ended_is_unknown_again() -> None:
    asking = limits.AskingLimits(0.01, StillClock())
    assert asking.ask("t", lambda: {"active": True})
    assert not asking.ask("t", dict)
    for _ in range(BURST):
        asking.ask("t", dict)
    with pytest.raises(TooManyQuestions):
        asking.ask("t", dict)


def test_an_allowance_fills_up_again_and_no_further() -> None:
    clock = StillClock()
    allowance = Allowance(clock)
    for _ in range(BURST):
        allowance.spend("a")
    with pytest.raises(TooManyQuestions):
        allowance.spend("a")
    allowance.spend("b")
    clock.pass_by(3600)
    for _ in range(BURST):
        allowance.spend("a")
    with pytest.raises(TooManyQuestions):
        allowance.spend("a")


@pytest.mark.parametrize(
    ("threads", "asking", "waiting"),
    [(1, PLACES, PLACES), (2, 1, 0), (4, 1, 0), (8, 2, 1), (16, 4, 2), (1000, PLACES, 125)],
)
def test_strangers_hold_a_part_of_the_threads(threads: int, asking: int, waiting: int) -> None:
    """Whatever they ask, and however long the authorization server thinks about it."""
    places = limits.Places.of(threads, 0.01)
    with ExitStack() as stack:
        for _ in range(asking):
            stack.enter_context(places.take())
        with pytest.raises(AuthorizationServerNotAsked), places.take():
            pass
        assert places._present._value == waiting
