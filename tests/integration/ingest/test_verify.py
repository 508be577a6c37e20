"""`verify` next to a `follow` of a real directory, and after one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import Result
from sqlalchemy import create_engine, select, update

from flask_gluu_changes import Backend
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.tables import ENTRIES, writer_engine
from flask_gluu_changes.testing import NOON, person
from tests.support.corruption import CORRUPTIONS, corrupt
from tests.support.filling import Filler, Journal
from tests.support.followed import People, filled, group_dn
from tests.support.journal_site import Site
from tests.support.postgres import Postgres
from tests.support.relational import Relational
from tests.support.replicas import TokenReplica, http_of

RIGHT = [
    *("missing: 0", "superfluous: 0", "different: 0", "quarantined: 0"),
    "removals held back: 0",
]


class Verified:
    """An application that serves a journal, its command, and a client that follows it."""

    def __init__(self, journal: Journal, source: Backend, **settings: object) -> None:
        self.backend = JournalBackend(journal.engine, source=source)
        self.site = Site(self, JOURNAL_URL=journal.url, **settings)  # type: ignore[arg-type]
        self.client = TokenReplica(http_of(self.site.app), 2)

    def run(self, *options: str) -> Result:
        """Run the command."""
        return self.site.app.test_cli_runner().invoke(args=["gluu-changes", "verify", *options])

    def groups(self) -> dict[str, list[str]]:
        """Give the groups of everybody, as the client holds them after a run."""
        self.client.drain()
        return {p["uid"][0]: p.get("memberOf", []) for p in self.client.people.values()}


@pytest.fixture
def staff(people: People) -> People:
    """Ann and bob; ann is in a group."""
    people.add("1", person("ann"))
    people.add("2", person("bob"))
    people.group("staff", "1")
    return people


def _without_memberships(journal: Journal) -> None:
    """Take memberOf out of the journal by hand."""
    with writer_engine(journal.engine).begin() as connection:
        wanted = select(ENTRIES.c.line).where(ENTRIES.c.inum == "1")
        line = bytes(connection.scalars(wanted).one())
        member = b'"memberOf":["%b"],' % group_dn("staff").encode()
        assert member in line
        changed = update(ENTRIES).where(ENTRIES.c.inum == "1")
        connection.execute(changed.values(line=line.replace(member, b"")))


def test_next_to_follow(staff: People, journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    """A wrong membership is named and mended, and `follow` goes on where it was, and says so."""
    caplog.set_level(logging.INFO)
    verified = Verified(journal, staff.backend)
    with filled(journal, staff) as filler:
        filler.built()
        epoch = journal.state().epoch
        _without_memberships(journal)
        assert verified.groups() == {"ann": [], "bob": []}
        result = verified.run()
        assert (result.exit_code, "(memberOf)" in result.output) == (1, True)
        result = verified.run("--repair")
        assert (result.exit_code, "repaired: 1" in result.output) == (0, True), result.output
        staff.add("3", person("cid"))
        staff.regroup("staff", "1", "3")
        expected = {"ann": [group_dn("staff")], "bob": [], "cid": [group_dn("staff")]}
        filler.until(lambda: verified.groups() == expected)
        assert caplog.text.count("this process fills the journal now") == 2
        assert verified.run().exit_code == 0
        assert journal.state().epoch == epoch


@pytest.mark.parametrize("name", ["a row is missing", "a row too many", "another uid"])
def test_other_faults_next_to_follow(staff: People, journal: Journal, name: str) -> None:
    """Rows that are missing, superfluous or different."""
    verified = Verified(journal, staff.backend)
    with filled(journal, staff) as filler:
        filler.built()
        verified.client.drain()
        id_ = corrupt(journal.engine, CORRUPTIONS[name], "2")
        assert f"  {id_}" in verified.run("--repair").output.replace("repaired: 1", f"  {id_}")
        assert verified.run().exit_code == 0
        assert verified.groups() == {"ann": [group_dn("staff")], "bob": []}


@contextmanager
def _writing(people: People) -> Iterator[None]:
    """Change people and groups all the time."""
    done = threading.Event()

    def write() -> None:
        for i in range(10**6):
            people.change("1", {"uid": [b"ann%d" % i]})
            if i % 10 == 0:
                people.regroup("staff", *("12" if i % 20 else "2"))
            if done.wait(0.02):  # else follow could not keep pace on a busy machine
                break

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_who_changes_meanwhile_is_no_fault(staff: People, journal: Journal) -> None:
    """However often; and afterwards all is equal."""
    verified = Verified(journal, staff.backend)
    with filled(journal, staff) as filler:
        filler.built()
        with _writing(staff):
            result = verified.run()
        assert result.exit_code == 0, result.output
        assert verified.run().output.splitlines()[1:] == RIGHT


def test_after_follow(staff: People, journal: Journal) -> None:
    """What happened while nobody followed is named, and can be written at once."""
    with filled(journal, staff) as filler:
        filler.built()
    verified = Verified(journal, staff.backend)
    verified.client.drain()
    staff.move_out("2")
    staff.add("3", person("cid"))
    result = verified.run()
    assert "missing: 1" in result.output
    assert "superfluous: 1" in result.output
    assert verified.run("--repair").exit_code == 0
    assert journal.rows()["2"].removed == "outOfScope"
    assert verified.groups() == {"ann": [group_dn("staff")], "cid": []}
    with filled(journal, staff) as filler:
        staff.add("4", person("dan"))
        filler.until(lambda: "4" in journal.living())
    assert journal.rows()["3"].version > journal.rows()["2"].version


def test_other_settings_are_named(staff: People, journal: Journal) -> None:
    """Whatever is compared under them would differ."""
    with filled(journal, staff) as filler:
        filler.built()
    result = Verified(journal, staff.backend, DENIED_ATTRIBUTES="mail").run()
    assert result.exit_code == 1
    assert "under other settings: GLUU_CHANGES_DENIED_ATTRIBUTES; run" in result.output


def test_a_journal_that_is_being_built_is_not_compared(staff: People, journal: Journal) -> None:
    """Nor one that nobody ever filled; both say what to run."""
    verified = Verified(journal, staff.backend)
    assert "flask gluu-changes follow" in verified.run().output
    with filled(journal, staff) as filler:
        filler.built()
    journal.set(built=False)
    result = verified.run("--repair")
    assert result.exit_code == 1
    assert "the journal is being built" in result.output


def test_a_database_is_compared_as_well(journal: Journal, postgres: Postgres) -> None:
    """Next to a `follow` that polls it: an edit without a time, and a deletion."""
    people = Relational(create_engine(postgres.url))
    for inum, uid in (("1", "ann"), ("2", "bob"), ("3", "cid")):
        people.add(inum, person(uid, updated=NOON))
    verified = Verified(journal, people.backend)
    with Filler(journal, people.backend, FOLLOW_INTERVAL=0.1) as filler:
        filler.built()
        verified.client.drain()
        people.change("1", {"mail": [b"a@example.org"]})
        people.remove("2")
        result = verified.run()
        assert (result.exit_code, "  1 (mail)" in result.output) == (1, True), result.output
        assert verified.run("--repair").exit_code == 0
        assert verified.groups().keys() == {"ann", "cid"}
    people.close()
