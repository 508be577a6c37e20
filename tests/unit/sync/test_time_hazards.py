"""How changes get lost where times tell them, on a server that answers as Gluu's.

The hazards are those of tests/unit/journal/test_hazards.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from tests.support.gluu_server import GluuServer
from tests.support.time_replica import TimeReplica

pytestmark = pytest.mark.timeout(60)

DAY = 86_400


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
