"""What a server that tells changes by times answers otherwise than it should."""

from __future__ import annotations

import itertools
from typing import Any

import httpx
import pytest

from flask_gluu_changes.client import (
    ChangesError,
    ChangesRefused,
    ChangesUnavailable,
)
from flask_gluu_changes.sync.time_stamps import TRIES, TimeStampSource
from tests.support.gluu_server import GluuServer
from tests.support.time_replica import TimeReplica

pytestmark = pytest.mark.timeout(60)


def test_a_failure_that_may_pass_is_repeated(server: GluuServer) -> None:
    """500 among them, which Gluu answers to everything; its text is in no message."""
    server.create("a")
    server.faults = [500, 502, 429]
    replica = TimeReplica(server)
    replica.run()
    assert [*replica.people] == ["inum-1"]
    server.faults = [500] * 99
    with pytest.raises(ChangesUnavailable) as caught:
        replica.run()
    assert "LDAPException" not in str(caught.value)


def test_a_refusal_is_told(server: GluuServer) -> None:
    """As the server words it, for it is for the operator."""
    server.token = "t"
    with pytest.raises(ChangesRefused, match="403: Invalid token"):
        TimeReplica(server).run()


def test_pages_that_always_shift_are_left_to_the_next_run(server: GluuServer) -> None:
    """Nobody is taken for deleted, and the position stays."""
    replica = TimeReplica(server, count=4)
    numbers = itertools.count()

    def churn(_: int) -> None:
        for inum in [*server.people][:6]:
            server.delete(inum)
        for _ in range(6):
            server.create(f"v{next(numbers):06}")

    for number in range(30):
        server.create(f"u{number:02}")
    server.between = churn
    batches = replica.run()
    assert not any(batch.complete for batch in batches)
    assert sum(batch.first for batch in batches) == TRIES
    server.between = lambda _: None
    replica.run()
    assert set(replica.people) == set(server.people)
    server.pass_by(60)
    position = replica.position
    server.between = churn
    replica.run()
    assert replica.position == position


def test_a_server_that_does_not_know_start_leads_in_a_circle(server: GluuServer) -> None:
    """That is an error, and not a reading of everybody."""
    body = {"results": [{"inum": [str(n)]} for n in range(8)]}
    http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=body)))
    source = TimeStampSource("https://gluu.test/", http=http)
    with pytest.raises(ChangesError, match="circle"):
        list(source.read("", full=False))


def test_a_server_that_tells_two_people_in_turns_leads_in_a_circle() -> None:
    """Each page tells somebody whom the one before it did not, and nobody new."""
    turns = itertools.cycle("12")

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"results": [{"inum": [next(turns)]}]})

    http = httpx.Client(transport=httpx.MockTransport(answer))
    with pytest.raises(ChangesError, match="circle"):
        list(TimeStampSource("https://gluu.test/", http=http).read("", full=False))


@pytest.mark.parametrize(
    "body",
    ["<html>", "[]", "{}", '{"results": {}}', '{"results": [[]]}', '{"results": [{"inum": "1"}]}'],
)
def test_what_is_no_page_is_not_believed(body: str) -> None:
    """An answer of something between may look like one of nobody, and that would remove all."""
    http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, text=body)))
    source = TimeStampSource("https://gluu.test/", http=http, repetitions=0)
    with pytest.raises(ChangesUnavailable):
        list(source.read("", full=False))


def test_somebody_without_an_inum_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """And logged; where nobody has one, it is hidden."""
    people: list[dict[str, Any]] = [{"uid": ["a"]}, {"uid": ["b"], "inum": ["1"]}]

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"results": people[int(request.url.params["start"]) :]})

    http = httpx.Client(transport=httpx.MockTransport(answer))
    source = TimeStampSource("https://gluu.test/", http=http)
    (batch, *_) = source.read("", full=False)
    assert [change.inum for change in batch.changes] == ["1"]
    assert "People without an inum are left out: 1" in caplog.text
    del people[1]
    with pytest.raises(ChangesRefused, match="inum"):
        list(source.read("", full=False))


def test_a_position_of_tokens_is_none_of_times(server: GluuServer) -> None:
    """And the other way round it says what to do."""
    for position in ("AbC_-123", "{}", '{"reached": "x", "full": "y"}', "[]"):
        with pytest.raises(ChangesError, match="begin with a new state"):
            list(TimeReplica(server).source.read(position, full=False))


def test_of_several_dates_the_earliest_counts() -> None:
    """A proxy may add its own, and its clock may be ahead; what is no date does not count."""
    dates = ["Thu, 01 Jan 2026 00:00:09 GMT", "Thu, 01 Jan 2026 00:00:00 GMT", "tomorrow"]
    headers = [("Date", date) for date in dates]
    answer = httpx.Response(200, json={"results": []}, headers=headers)
    http = httpx.Client(transport=httpx.MockTransport(lambda _: answer))
    (batch,) = TimeStampSource("https://gluu.test/", http=http).read("", full=False)
    assert '"reached": "2025-12-31T23:00:00Z"' in batch.position  # an hour before it
