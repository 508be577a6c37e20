"""Whatever a server answers, the client ends, asks with measure, and says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import islice
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_gluu_changes.client import (
    ChangesClient,
    ChangesError,
    ChangesRefused,
    ChangesUnavailable,
    MemoryTokenStore,
)
from flask_gluu_changes.client import requester as requester_module

from .misbehaving import URL, Counting, Time, TooMany, client_of, page
from .misbehaving import time as time

pytestmark = pytest.mark.timeout(60)


def test_follow_asks_once_an_interval_where_no_wait_is_granted(time: Time) -> None:
    """And again at once after something came."""
    news = {3: "a", 7: "b"}
    server = Counting(
        time,
        lambda n: httpx.Response(200, json=page(*news.get(n, ""), token=f"t{n}")),
        most=12,
    )
    client = client_of(server, time=time, token="t0")
    with pytest.raises(TooMany):
        list(client.follow(wait=30, interval=5))
    gaps = [after - before for before, after in zip(server.asked, server.asked[1:], strict=False)]
    assert gaps == [5, 5, 0, 5, 5, 5, 0, 5, 5, 5, 5]


def test_follow_does_not_sleep_where_the_server_waits(time: Time) -> None:
    """What the server waited counts."""

    def answer(number: int) -> httpx.Response:
        time.now += 30
        return httpx.Response(200, json=page(token=f"t{number}"))

    server = Counting(time, answer, most=4)
    with pytest.raises(TooMany):
        list(client_of(server, time=time, token="t0").follow(wait=30))
    assert [at - 1000 for at in server.asked] == [0, 30, 60, 90]


def test_tokens_that_always_expire_are_not_asked_for_all_the_time(time: Time) -> None:
    """A server that forgets each token is read anew ever more seldom."""

    def answer(request: httpx.Request) -> httpx.Response:
        if "deltaToken" in request.url.params:
            return httpx.Response(410)
        return httpx.Response(200, json=page("a", token="t"))

    seen = islice(client_of(answer, time=time).follow(wait=0), 12)
    assert all(batch.full for batch in seen)
    assert time.now - 1000 > 600


def test_an_expiry_of_everything_ends(time: Time) -> None:
    """Where even a first reading is a 410, it is not begun for ever."""
    server = Counting(time, lambda _: httpx.Response(410))
    with pytest.raises(ChangesUnavailable):
        list(client_of(server, time=time, repetitions=2).drain())
    assert len(server.asked) == 3


@pytest.mark.parametrize("token", ["", "t0"])
@pytest.mark.parametrize(
    "pages",
    [
        [page("a", cursor="c"), page("b", cursor="c")],
        [page("a", cursor="c"), page("b", cursor="d"), page("c", cursor="c")],
        [page(cursor="c"), page(cursor="c")],
    ],
)
def test_a_server_that_leads_in_a_circle_is_left(
    time: Time, token: str, pages: list[dict[str, Any]]
) -> None:
    """Nothing is told twice, and no token is kept."""
    server = Counting(time, lambda n: httpx.Response(200, json=pages[(n - 1) % len(pages)]))
    client = client_of(server, time=time, token=token)
    told: list[str] = []
    with pytest.raises(ChangesError, match="circle"):
        told.extend(change.id for batch in client.drain() for change in batch.changes)
    assert len(told) == len(set(told))
    assert len(server.asked) <= 3


def test_changes_without_an_advance_are_not_told_for_ever(time: Time) -> None:
    """The token that came back is the one that was sent."""
    server = Counting(time, lambda _: httpx.Response(200, json=page("a", token="t0")))
    with pytest.raises(ChangesError, match="circle"):
        list(client_of(server, time=time, token="t0").follow())
    assert len(server.asked) == 1


NONSENSE: list[bytes] = [
    b"<html>We are back soon.</html>",
    b"",
    b"{}",
    b"[]",
    b"null",
    b"7",
    b'{"results": []}',
    b'{"results": {}, "nextCursor": "c"}',
    b'{"results": [7], "nextCursor": "c"}',
    b'{"results": [{}], "nextCursor": "c"}',
    b'{"results": [], "removed": [[]], "nextCursor": "c"}',
    b'{"results": [], "nextCursor": ""}',
    b'{"results": [], "nextCursor": 7}',
    b'{"results": [], "nextCursor": "a\\nb"}',
    b'{"results": [], "nextDeltaToken": "t"}',
    b'{"results": [], "nextDeltaToken": {"value": null}}',
    b'{"results": [{"@id": "a", "@version": true, "@changeType": "created"}], "nextCursor": "c"}',
    b'{"results": [{"@id": "a", "@version": 1, "@changeType": "odd"}], "nextCursor": "c"}',
    b'{"results": [], "total": NaN, "nextCursor": "c"}',
    b'{"results": ' + b"[" * 100_000 + b"]" * 100_000 + b', "nextCursor": "c"}',
    b"\xff\xfe",
    b'{"results": [], "nextDelta',
]


@pytest.mark.parametrize("body", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_is_asked_for_again_and_then_an_error(time: Time, body: bytes) -> None:
    """A proxy's page may pass, and what it said is in no message."""
    server = Counting(time, lambda _: httpx.Response(200, content=body))
    with pytest.raises(ChangesUnavailable, match="no page of changes") as caught:
        list(client_of(server, time=time, repetitions=2).drain())
    assert len(server.asked) == 3
    assert "\n" not in str(caught.value)


def test_nonsense_that_passes_costs_nothing(time: Time) -> None:
    """The next answer is the page."""
    bodies = [b"<html>", json.dumps(page("a", token="t")).encode()]
    server = Counting(time, lambda n: httpx.Response(200, content=bodies[n - 1]))
    (batch,) = client_of(server, time=time).drain()
    assert [change.id for change in batch.changes] == ["a"]


def test_numbers_that_python_does_not_read_stay_text(time: Time) -> None:
    """Others are as they are, however large."""
    body = (
        '{"results": [{"@id": "a", "@version": 1, "@changeType": "created",'
        f' "n": [{"7" * 5000}, -{"7" * 5000}, {"7" * 4000}]}}],'
        ' "nextDeltaToken": {"value": "t"}}'
    )
    client = client_of(lambda _: httpx.Response(200, text=body), time=time)
    ((change,),) = (batch.changes for batch in client.drain())
    assert change.attributes["n"] == ["7" * 5000, "-" + "7" * 5000, int("7" * 4000)]


@pytest.mark.parametrize("has_date", [False, True])
def test_retry_after_may_be_a_date(time: Time, has_date: bool) -> None:
    """By the server's own clock, where it shows it."""
    now = datetime.now(UTC)
    server_clock = now + timedelta(days=1) if has_date else now
    headers = {"Retry-After": format_datetime(server_clock + timedelta(seconds=60), usegmt=True)}
    if has_date:
        headers["Date"] = format_datetime(server_clock, usegmt=True)
    answers = [httpx.Response(503, headers=headers), httpx.Response(200, json=page(token="t"))]
    server = Counting(time, lambda n: answers[n - 1])
    list(client_of(server, time=time).drain())
    assert 55 < time.now - 1000 <= 61


@pytest.mark.parametrize(
    "wanted", ["0", "-5", "9" * 500, "soon", "Thu, 99 Foo 2020", "Mon, 01 Jan 1990 00:00:00 GMT"]
)
def test_no_wish_for_a_pause_leads_to_none_or_to_one_without_end(time: Time, wanted: str) -> None:
    """At least a second and at most five minutes."""
    server = Counting(time, lambda _: httpx.Response(503, headers={"Retry-After": wanted}))
    with pytest.raises(ChangesUnavailable):
        list(client_of(server, time=time, repetitions=1).drain())
    assert 1 <= time.now - 1000 <= 300


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(time: Time, status: int) -> None:
    """Wherever they lead, not even by a client of httpx that follows them elsewhere."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(status, headers={"Location": "https://evil.test/?t0ken"})

    http = httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=True)
    client = ChangesClient(URL, MemoryTokenStore(), http=http)
    with pytest.raises(ChangesRefused, match="leads elsewhere") as caught:
        list(client.drain())
    assert asked == ["changes.test"]
    assert "t0ken" not in str(caught.value)


def _answers(draw: Callable[..., Any], number: int) -> httpx.Response:
    kind = draw(st.sampled_from(["page", "last", "busy", "gone", "nonsense", "refused"]))
    ids = [f"{number}-{i}" for i in range(draw(st.integers(0, 2)))]
    match kind:
        case "page":
            cursor = draw(st.sampled_from(["same", f"c{number}"]))
            return httpx.Response(200, json=page(*ids, cursor=cursor))
        case "last":
            token = draw(st.sampled_from(["same", f"t{number}"]))
            return httpx.Response(200, json=page(*ids, token=token))
        case "busy":
            wanted = draw(st.sampled_from(["", "0", "7", "x"]))
            return httpx.Response(503, headers={"Retry-After": wanted})
        case "gone":
            return httpx.Response(410)
        case "nonsense":
            return httpx.Response(200, content=draw(st.sampled_from(NONSENSE[:10])))
    return httpx.Response(403)


@given(st.data())
def test_for_any_server_nothing_is_told_twice_or_lost_and_requests_are_few(
    data: st.DataObject,
) -> None:
    """Each id is told as often as it was answered; what brings nothing is asked for seldom."""
    time, given_, told = Time(), list[str](), list[str]()
    barren: list[float] = []

    def answer(_: httpx.Request) -> httpx.Response:
        if len(barren) >= 15 or len(given_) >= 15:
            raise TooMany
        response = _answers(data.draw, len(barren) + len(given_))
        ids = _ids(response)
        given_.extend(ids)
        if not ids:
            barren.append(time.now)
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requester_module, "monotonic", time)
        client = client_of(answer, time=time, repetitions=2)
        try:
            for batch in client.follow(interval=5):
                told.extend(change.id for change in batch.changes)
        except (ChangesError, TooMany):
            pass
    assert told == given_[: len(told)]
    assert len(given_) - len(told) <= 2  # of the page on which it ended
    _expect_measure(barren)


def _ids(response: httpx.Response) -> list[str]:
    try:
        return [entry["@id"] for entry in response.json()["results"]]
    except (ValueError, KeyError, TypeError):
        return []


def _expect_measure(barren: list[float]) -> None:
    """Of three answers in a row that bring nothing, two are a second apart at least."""
    for first, third in zip(barren, barren[2:], strict=False):
        assert third - first >= 1


def test_what_a_user_of_the_store_raises_passes(time: Time) -> None:
    """It is none of the client's errors."""

    class Broken(MemoryTokenStore):
        def load(self) -> str:
            raise KeyError("mine")

    http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    with pytest.raises(KeyError, match="mine"):
        list(ChangesClient(URL, Broken(), http=http).drain())


def test_a_change_that_comes_time_and_again_is_not_new(time: Time) -> None:
    """Under a new token each time: it is told, and asked for once an interval."""
    server = Counting(time, lambda n: httpx.Response(200, json=page("a", token=f"t{n}")), most=5)
    with pytest.raises(TooMany):
        list(client_of(server, time=time, token="t0").follow(interval=5))
    assert [at - 1000 for at in server.asked] == [0, 0, 5, 10, 15]


def test_a_servers_sentence_is_told_without_what_a_terminal_obeys(time: Time) -> None:
    """Nor with what no log can write."""
    detail = "no \x1b[31mpage\r\n\ud800 here"
    answer = httpx.Response(400, text=json.dumps({"detail": detail}))
    with pytest.raises(ChangesRefused) as caught:
        list(client_of(lambda _: answer, time=time).drain())
    assert str(caught.value) == "400: no  [31mpage   here"


def test_batches_come_as_long_as_something_comes(time: Time) -> None:
    """Changes that follow each other are not delayed."""
    server = Counting(time, lambda n: httpx.Response(200, json=page(f"{n}", token=f"t{n}")))
    batches: Iterator[Any] = client_of(server, time=time, token="t0").follow()
    assert [batch.changes[0].id for batch in islice(batches, 20)] == [str(n) for n in range(1, 21)]
    assert time.now == 1000
