"""One ingester at a time: others wait, take over, and nobody who was overtaken writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any

import pytest
from sqlalchemy import update

from flask_gluu_changes import BackendRefused
from flask_gluu_changes.backends.ldap.syncrepl.session import SyncSession
from flask_gluu_changes.backends.ldap.syncrepl.stamps import Stamps
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.follower import Follower, SnapshotProgress
from flask_gluu_changes.journal.tables import ENTRIES, STATE
from flask_gluu_changes.model import ChangesQuery
from flask_gluu_changes.testing import person
from tests.support.directory import Directory
from tests.support.filling import SLAPD, Filler, Journal
from tests.support.followed import People, filled
from tests.support.memory_people import MemoryPeople
from tests.support.slapd import Slapd

LEASE = 0.5


class Refusing(MemoryBackend):
    """Cannot be followed before its operator acts."""

    def follower(self, query: ChangesQuery) -> Follower:
        raise BackendRefused("no rights")


class Counts(SnapshotProgress):
    """Notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def started(self, follower: Follower) -> None:
        self.heard.append(follower.count())

    def advanced(self, number: int) -> None:
        self.heard.append(number)

    def finished(self) -> None:
        self.heard.append("end")


def test_a_second_ingester_waits_and_takes_over(people: People, journal: Journal) -> None:
    """The first one's end gives the lease back."""
    people.add("1", person("ann"))
    with filled(journal, people) as first:
        first.built()
        holder = journal.state().holder
        with filled(journal, people) as second:
            people.add("2", person("bob"))
            first.until(lambda: "2" in journal.living())
            assert journal.state().holder == holder
            first.stop.set()
            second.until(lambda: journal.state().holder not in {"", holder})
            people.add("3", person("cid"))
            second.until(lambda: "3" in journal.living())
    assert journal.state().holder == ""


def test_an_ingester_that_lost_its_lease_waits(people: People, journal: Journal) -> None:
    """It slept too long, and somebody else has taken over; it is not an error."""
    with filled(journal, people) as filler:
        filler.built()
        with journal.engine.begin() as connection:
            connection.execute(update(STATE).values(holder="another", held_until=2**62))
        people.add("1", person("ann"))
        people.add("2", person("bob"))
        filler.until(lambda: filler._loop._waits_for_lease)
        assert journal.living() == {}
        with journal.engine.begin() as connection:
            connection.execute(update(STATE).values(held_until=0))
        filler.until(lambda: "2" in journal.living())


def test_a_long_reading_keeps_the_lease(
    people: People, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comparing everybody takes three leases, writes nothing, and a second ingester waits."""
    people.add("1", person("ann"))
    with filled(journal, people) as filler:
        filler.built()
    stamps, holders = SyncSession.stamps, set()

    def take_long(*arguments: Any) -> Stamps:
        until = monotonic() + 3 * LEASE
        while monotonic() < until:
            holders.add(journal.state().holder)
            sleep(0.02)
        return stamps(*arguments)

    monkeypatch.setattr(SyncSession, "stamps", take_long)
    people.add("2", person("bob"))
    with filled(journal, people, FOLLOW_LEASE=LEASE) as first:
        first.until(lambda: bool(holders))
        with filled(journal, people, FOLLOW_LEASE=LEASE):
            first.until(lambda: "2" in journal.living())
            assert holders == {journal.state().holder}


def test_what_an_operator_must_mend_ends_it(journal: Journal) -> None:
    """The lease is given back all the same."""
    filler = Filler(journal, Refusing())
    with filler, pytest.raises(BackendRefused, match="no rights"):
        filler.built()
    assert journal.state().holder == ""


def test_old_removals_are_pruned(journal: Journal) -> None:
    """Tokens that need them get a 410: the floor tells."""
    people = MemoryPeople()
    people.add("1", person("ann"))
    with Filler(journal, people.backend) as filler:
        filler.built()
    people.remove("1")
    with Filler(journal, people.backend, FOLLOW_SWEEP=0.01) as filler:
        filler.until(lambda: journal.rows()["1"].removed == "deleted")
    long_ago = datetime.now(UTC) - timedelta(days=31)
    with journal.engine.begin() as connection:
        connection.execute(update(ENTRIES).values(removed_at=int(long_ago.timestamp()) * 10**6))
    with Filler(journal, people.backend) as filler:
        filler.until(lambda: journal.rows() == {})
    assert journal.state().floor == 2


def test_the_first_reading_is_watched(people: People, journal: Journal) -> None:
    """From the number of people to the end; later readings are not."""
    for i in range(3):
        people.add(str(i), person(f"u{i}"))
    counts = Counts()
    for _ in range(2):
        with Filler(journal, people.backend, watcher=counts) as filler:
            filler.built()
    assert counts.heard == [3, 3, "end"]


def test_without_syncprov_it_lags(tmp_path: object, journal: Journal) -> None:
    """And the journal says what is missing."""
    with Slapd(journal.folder / "plain") as server:
        directory = Directory(server)
        directory.add("1", person("ann"))
        with Filler(journal, directory.backend) as filler:
            filler.built()
    assert journal.state().level == "lagging"
    assert "overlay syncprov" in journal.state().why
    assert "1" in journal.living()


def test_syncprov_that_is_loaded_later_is_found(journal: Journal) -> None:
    """Another kind of identity takes the place of the inums."""
    with Slapd(journal.folder / "slapd") as server:
        directory = Directory(server)
        directory.add("1", person("ann"))
        with Filler(journal, directory.backend) as filler:
            filler.built()
    with (
        Slapd(journal.folder / "slapd", extra=SLAPD) as server,
        Filler(journal, Directory(server).backend) as filler,
    ):
        filler.until(lambda: journal.state().level == "exact" and journal.state().built)
    assert {len(row.id) for row in journal.rows().values()} == {36}
