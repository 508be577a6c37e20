"""What a server tells by times alone is read as well as that can be done.

The hazards are those of tests/unit/journal/test_hazards.py, on a server that answers as Gluu's.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from flask_gluu_changes.client import (
    ChangesError,
    ChangesMisconfigured,
    ChangesRefused,
    ChangesUnavailable,
)
from flask_gluu_changes.sync.time_stamps import TRIES, TimeStampSource
from tests.support.gluu_server import GluuServer, JanssenServer
from tests.support.time_replica import TimeReplica

pytestmark = pytest.mark.timeout(60)

DAY = 86_400


@pytest.fixture(params=[False, True], ids=["as a directory", "as a database"])
def server(request: pytest.FixtureRequest) -> GluuServer:
    """A server of each kind of order."""
    server = GluuServer()
    server.sorts_all = request.param
    return server


@pytest.fixture
def replica(server: GluuServer) -> TimeReplica:
    """A replica that asks with the smallest pages."""
    return TimeReplica(server, count=2)


def once(server: GluuServer, number: int, do: Callable[[], object]) -> None:
    """Have something done after so many more answers."""
    at = len(server.asked) + number
    server.between = lambda answers: do() if answers == at else None


def uids(replica: TimeReplica) -> list[str]:
    return sorted(person["uid"][0] for person in replica.people.values())


def settle(server: GluuServer, replica: TimeReplica) -> None:
    """Run once after what was planned between pages, as the next run does."""
    server.between = lambda _: None
    server.pass_by(60)
    replica.run()


def test_h1_total_is_of_a_page(server: GluuServer, replica: TimeReplica) -> None:
    """A run goes on until there is nobody new."""
    for uid in "abcdefg":
        server.create(uid)
        server.pass_by(-1)
    replica.run()
    assert uids(replica) == [*"abcdefg"]


def test_h2_a_run_that_ends_early_keeps_no_position(server: GluuServer) -> None:
    """Only the last batch has one."""
    for uid in "abcd":
        server.create(uid)
    source = TimeReplica(server, count=2).source
    *others, last = source.read("", full=False)
    assert {batch.position for batch in others} == {""}
    assert last.position
    assert last.complete


def test_h3_somebody_is_added_behind_the_page(server: GluuServer, replica: TimeReplica) -> None:
    """The position is no later than the beginning of the run, so the next one finds them."""
    server.create("b")
    moved = server.create("c")

    def write() -> None:
        server.pass_by(1000)
        server.create("a")
        server.update(moved, mail=["new"])

    once(server, 1, write)
    replica.run()
    settle(server, replica)
    assert uids(replica) == ["a", "b", "c"]
    assert replica.people[moved]["mail"] == ["new"]


def test_h4_a_deletion_shifts_the_pages(server: GluuServer, replica: TimeReplica) -> None:
    """Pages share somebody; where they do not, they are read once more."""
    gone = [server.create(uid) for uid in "abcdef"][:2]
    server.pass_by(DAY // 2)
    once(server, 1, lambda: [server.people.pop(inum) for inum in gone])
    replica.run()
    assert uids(replica) == [*"cdef"]


def test_h5_a_rename_between_two_pages(server: GluuServer, replica: TimeReplica) -> None:
    """Whoever is renamed is changed, and comes with the next run."""
    server.create("a")
    server.create("b")
    last = server.create("z")
    server.pass_by(DAY // 2)
    once(server, 1, lambda: server.update(last, uid=["a0"]))
    replica.run()
    settle(server, replica)
    assert uids(replica) == ["a", "a0", "b"]


def test_h6_who_was_only_created_moves_the_client_on(
    server: GluuServer, replica: TimeReplica
) -> None:
    """Their own time counts, for there is no `latestUpdateAt`."""
    server.create("a")
    server.pass_by(DAY // 2)
    server.create("b")
    replica.run()
    server.pass_by(1)
    (batch, *_) = replica.run()
    assert [change.inum for change in batch.changes] == ["inum-2"]


def test_h7_many_at_one_time(server: GluuServer, replica: TimeReplica) -> None:
    """More than a page holds; a window is paged by offset and not by its times."""
    for number in range(11):
        server.create(f"u{number:02}")
    replica.run()
    assert len(replica.people) == 11


def test_h8_what_becomes_visible_late(server: GluuServer, replica: TimeReplica) -> None:
    """Each run goes back."""
    server.create("a")
    replica.run()
    server.create("late", skew=-200)
    replica.run()
    assert uids(replica) == ["a", "late"]


def test_h9_a_clock_that_is_ahead(server: GluuServer, replica: TimeReplica) -> None:
    """No time after the beginning of a run is believed."""
    server.create("ahead", skew=3600)
    replica.run()
    server.pass_by(30)
    server.create("b")
    replica.run()
    assert uids(replica) == ["ahead", "b"]


def test_h10_times_of_mixed_precision(server: GluuServer, replica: TimeReplica) -> None:
    """A writer of whole seconds is not lost."""
    server.pass_by(0.5)
    server.create("a")
    replica.run()
    server.create("whole", skew=-0.5)
    replica.run()
    assert uids(replica) == ["a", "whole"]


def test_h11_an_edit_that_sets_no_time(server: GluuServer, replica: TimeReplica) -> None:
    """The next full reading finds it; one is made once a day."""
    inum = server.create("a")
    replica.run()
    server.pass_by(DAY / 2)
    replica.run()
    server.edit(inum, mail=["new"])
    replica.run()
    assert "mail" not in replica.people[inum]
    server.pass_by(DAY / 2)
    replica.run()
    assert replica.people[inum]["mail"] == ["new"]


def test_h12_a_deletion_is_found_by_the_next_full_reading(
    server: GluuServer, replica: TimeReplica
) -> None:
    """And so is that nobody is there."""
    gone = [server.create(uid) for uid in "abc"]
    replica.run()
    server.delete(gone[0])
    replica.run()
    assert uids(replica) == ["a", "b", "c"]
    replica.run(full=True)
    assert uids(replica) == ["b", "c"]
    server.people.clear()
    (batch,) = replica.run(full=True)
    assert (batch.first, batch.complete) == (True, True)
    assert uids(replica) == []


def test_ties_at_the_border_of_a_page(server: GluuServer) -> None:
    """Two with one uid, whose order may be another one for each page."""
    for number in range(30):
        server.create(f"u{number // 2:02}")
    flip = itertools.cycle([False, True])

    def shuffle(_: int) -> None:
        people = sorted(server.people.items(), key=lambda p: (p[1]["uid"], p[0]))
        if next(flip):
            people = [p for k in range(0, len(people), 2) for p in (people[k + 1], people[k])]
        server.people = dict(people)

    server.between = shuffle
    replica = TimeReplica(server, count=10)
    replica.run()
    assert len(replica.people) == 30


def test_a_server_that_gives_less_than_it_is_asked_for(server: GluuServer) -> None:
    """A short page is not the end."""
    for number in range(50):
        server.create(f"u{number:02}")
    server.most = 7
    replica = TimeReplica(server, count=200)
    replica.run()
    assert len(replica.people) == 50


@pytest.mark.parametrize("people", range(14))
def test_no_number_of_people_is_odd(people: int) -> None:
    """From none to several pages, each run ends, and tells everybody."""
    server = GluuServer()
    for number in range(people):
        server.create(f"u{number:02}")
    for count in (2, 3, 5, 6, 200):
        replica = TimeReplica(server, count=count)
        batches = replica.run()
        assert len(replica.people) == people
        assert [batch.first for batch in batches] == [True] + [False] * (len(batches) - 1)
        assert [batch.complete for batch in batches] == [False] * (len(batches) - 1) + [True]


def test_both_spellings_of_the_size_are_sent(server: GluuServer, replica: TimeReplica) -> None:
    """Gluu reads the one, its documents name the other."""
    replica.run()
    assert server.asked == [
        {"timeStamp": "1970-01-01T00:00:00Z", "start": "0", "pageSize": "2", "pagesize": "2"}
    ]


def test_janssen_has_names_of_its_own() -> None:
    """For the time of creation."""
    server = JanssenServer()
    server.create("a")
    server.pass_by(DAY // 2)
    replica = TimeReplica(server)
    server.create("b")
    replica.run()
    server.pass_by(60)
    (batch, *_) = replica.run()
    assert [change.inum for change in batch.changes] == ["inum-2"]


def test_people_who_changed_at_one_moment_are_not_read_for_ever(server: GluuServer) -> None:
    """An hour later they are left behind, though nobody changed since."""
    for number in range(20):
        server.create(f"u{number}")
    replica = TimeReplica(server)
    replica.run()
    server.pass_by(3500)
    replica.run()
    assert replica.source.read(replica.position, full=False)
    server.pass_by(500)
    replica.run()
    (batch,) = replica.run()
    assert batch.changes == []


def test_what_has_not_changed_is_the_same_again(server: GluuServer) -> None:
    """Values that Gluu types by best effort are told alike each time, so content can be compared.

    Texts that look like times, large numbers, and octets among them.
    """
    odd: dict[str, Any] = {
        "displayName": ["20240101000000Z"],
        "myIntegerCustomAttribute": ["12", str(2**40)],
        "userCertificate": [b"\x30\x82\xff"],
        "oxTrustActive": ["TRUE"],
    }
    inum = server.create("a", **odd)
    replica = TimeReplica(server)
    replica.run()
    replica.run()
    assert replica.told == 1
    person = replica.people[inum]
    assert person["displayName"] == ["2024-01-01T00:00:00Z"]
    assert person["myIntegerCustomAttribute"] == [12, str(2**40)]
    assert person["oxTrustActive"] == [True]


def test_attributes_are_chosen_by_the_client(server: GluuServer) -> None:
    """Gluu cannot; the inum and the times are read nonetheless."""
    server.create("a", mail=["a"], sn=["a"])
    replica = TimeReplica(server, attributes=["UID", "mail"], excluded=["Mail"])
    replica.run()
    replica.run()
    assert replica.people == {"inum-1": {"uid": ["a"]}}


def test_a_failure_that_may_pass_is_repeated(server: GluuServer) -> None:
    """500 among them, which Gluu answers to everything; its text is in no message."""
    server.create("a")
    server.faults = [500, 502, 429]
    replica = TimeReplica(server)
    replica.run()
    assert uids(replica) == ["a"]
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


def test_runs_that_wait_are_some_time_apart(server: GluuServer) -> None:
    """The server cannot wait, so the client does; the first one begins at once."""
    replica = TimeReplica(server, interval=30)
    began = server.now
    for _ in range(3):
        list(replica.source.read("", full=False, wait=30))
    assert (server.now - began).total_seconds() == 60


def test_a_clock_that_was_set_back_makes_a_full_reading_due(server: GluuServer) -> None:
    """Rather one too many than none for years."""
    replica = TimeReplica(server)
    replica.run()
    server.pass_by(-10 * DAY)
    (batch,) = replica.run()
    assert batch.full


def test_no_credentials_go_over_a_network_unencrypted() -> None:
    """Unless told otherwise."""
    http = httpx.Client(auth=("user", "s3cret-word"))
    with pytest.raises(ChangesMisconfigured):
        TimeStampSource("http://gluu.test/", http=http)
    TimeStampSource("http://gluu.test/", http=http, insecure_http=True)
