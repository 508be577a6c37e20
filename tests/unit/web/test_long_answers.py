"""A long answer goes out block by block, holds one place, and breaks off for a reader too slow."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator

import pytest
from flask import Flask, Response
from hypothesis import given
from hypothesis import strategies as st

from flask_gluu_changes.errors import BackendUnavailable
from flask_gluu_changes.protection import Guard
from flask_gluu_changes.web.capacity import Busy, Capacity, Kind, Limits
from flask_gluu_changes.web.long_answers import BLOCK, GRACE, LongAnswers, Pace, PacedBody

RATE = 1000


class Everybody(Guard):
    """Lets everybody pass."""

    def check(self, scopes: object = None) -> None:
        """Do so."""


@pytest.fixture
def capacity() -> Capacity:
    """Room for one long answer."""
    return Capacity(lambda: Limits.of(2, 16))


@pytest.fixture
def send(capacity: Capacity) -> Iterator[Callable[..., Response]]:
    """Send parts as the answer to a request."""
    app, answers = Flask("long"), LongAnswers(capacity, RATE, Everybody())
    with app.test_request_context():
        yield lambda *parts, **options: answers.send(parts, "text/plain", **options)


def _is_free(capacity: Capacity) -> bool:
    """Tell whether the place is free."""
    try:
        capacity.take(Kind.SENDING, "").give_back()
    except Busy:
        return False
    return True


def _body(seconds: list[float], capacity: Capacity, *parts: bytes, rate: int = RATE) -> PacedBody:
    """Make a body whose reader takes so many seconds for each block."""
    times = iter([time for took in seconds for time in (0.0, took)])
    pace = Pace(rate) if rate else None
    place = capacity.take(Kind.SENDING, "")
    return PacedBody(parts, place, pace, lambda: True, clock=lambda: next(times))


@given(st.lists(st.integers(0, 3 * BLOCK), max_size=4))
def test_all_octets_come_in_small_blocks(sizes: list[int]) -> None:
    """In their order, however large the parts are."""
    parts = [bytes([number]) * size for number, size in enumerate(sizes)]
    place = Capacity(lambda: Limits.of(2, 16)).take(Kind.SENDING, "")
    blocks = list(PacedBody(parts, place, None, lambda: True))
    assert b"".join(blocks) == b"".join(parts)
    assert all(len(block) <= BLOCK for block in blocks)


def test_a_place_is_held_from_the_beginning_to_the_end(
    capacity: Capacity, send: Callable[..., Response]
) -> None:
    """And no second answer begins meanwhile."""
    response = send(b"a", b"b", length=2)
    assert response.content_length == 2
    assert not _is_free(capacity)
    with pytest.raises(Busy):
        send(b"c")
    assert response.get_data() == b"ab"
    response.close()
    assert _is_free(capacity)


@pytest.mark.parametrize("read", [0, 1])
def test_who_hangs_up_gives_its_place_back(
    capacity: Capacity, send: Callable[..., Response], read: int
) -> None:
    """Before the first block or after it; the server closes the answer then."""
    response = send(b"a" * BLOCK, b"b")
    blocks = response.iter_encoded()
    for _ in range(read):
        next(iter(blocks))
    response.close()
    assert _is_free(capacity)


def test_an_answer_without_body_gives_its_place_back(capacity: Capacity) -> None:
    """As to HEAD: the body is never begun."""
    app, answers = Flask("head"), LongAnswers(capacity, RATE, Everybody())
    app.add_url_rule("/", view_func=lambda: answers.send([b"a"], "text/plain", 1))
    assert app.test_client().head("/").content_length == 1
    assert _is_free(capacity)


@pytest.mark.parametrize(
    ("seconds", "is_kept"),
    [
        ([1.0] * 100, True),
        ([1.1] * 90, True),
        ([1.1] * 110, False),
        ([GRACE + 0.9], True),
        ([GRACE + 1.1], False),
        # what was read fast is no credit
        ([0.0] * 1000 + [GRACE + 1.1], False),
        # but who was slow may recover
        ([GRACE, *[0.1] * 20, GRACE], True),
    ],
)
def test_a_pace_is_kept_but_for_a_grace(seconds: list[float], is_kept: bool) -> None:
    """In blocks that should take a second each."""
    pace = Pace(RATE)
    assert all(pace.is_kept(RATE, second) for second in seconds) is is_kept


def test_a_slow_reader_is_cut_off(capacity: Capacity, caplog: pytest.LogCaptureFixture) -> None:
    """As if it had gone: that is what servers close the connection for."""
    caplog.set_level(logging.WARNING)
    body = _body([GRACE + 3], capacity, b"a" * RATE, b"b")
    assert next(body) == b"a" * RATE
    with pytest.raises(BrokenPipeError) as caught:
        next(body)
    assert caught.value.errno == errno.EPIPE
    assert "GLUU_CHANGES_MIN_READ_RATE" in caplog.text
    body.close()
    assert _is_free(capacity)


def test_without_a_least_rate_nobody_is_cut_off(capacity: Capacity) -> None:
    """However long a block takes."""
    body = _body([1e9] * 3, capacity, b"a", b"b", b"c", rate=0)
    assert list(body) == [b"a", b"b", b"c"]


def test_an_answer_breaks_off_when_its_client_may_not_go_on(capacity: Capacity) -> None:
    """Before the next block."""
    allowed = iter([True, False])
    place = capacity.take(Kind.SENDING, "")
    body = PacedBody([b"a", b"b", b"c"], place, None, lambda: next(allowed))
    assert [next(body), next(body)] == [b"a", b"b"]
    with pytest.raises(BrokenPipeError):
        next(body)


def test_a_store_that_fails_on_the_way_breaks_the_answer_off(
    capacity: Capacity, caplog: pytest.LogCaptureFixture
) -> None:
    """As a reader does that is too slow: the log has a line and no traceback."""

    def parts() -> Iterator[bytes]:
        yield b"a"
        raise BackendUnavailable("the store is away")

    body = PacedBody(parts(), capacity.take(Kind.SENDING, ""), None, lambda: True)
    assert next(body) == b"a"
    with pytest.raises(BrokenPipeError):
        next(body)
    assert caplog.messages == ["an answer is broken off: the store is away"]
    body.close()
    assert _is_free(capacity)
