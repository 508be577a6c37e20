"""What happens in an OpenLDAP directory reaches the journal, whoever did it and how."""

from __future__ import annotations

import json

import ldap
import pytest
from sqlalchemy import select

from flask_gluu_changes.journal.tables import ENTRIES
from flask_gluu_changes.testing import NOON, person
from tests.ldap.conftest import dn_of
from tests.support.filling import Filler, Journal

from .conftest import People, filled


@pytest.fixture
def two(people: People) -> People:
    """A directory with two people."""
    people.add("1", person("ann", updated=NOON))
    people.add("2", person("bob"))
    return people


def uid(journal: Journal, inum: str) -> str | None:
    """Give the uid that the journal shows for a person."""
    body = journal.living().get(inum)
    return str(json.loads(body)["uid"][0]) if body else None


def uuid(people: People, inum: str) -> str:
    """Ask the directory for a person's entryUUID."""
    ((_, entry),) = people.admin.search_s(dn_of(inum), ldap.SCOPE_BASE, attrlist=["entryUUID"])
    return str(entry["entryUUID"][0].decode())


def test_everybody_is_read_once(two: People, journal: Journal) -> None:
    """Identities are entryUUIDs, and the journal says how it follows."""
    with filled(journal, two) as filler:
        filler.built()
        rows = journal.rows()
        assert {inum: row.id for inum, row in rows.items()} == {
            "1": uuid(two, "1"),
            "2": uuid(two, "2"),
        }
        assert journal.state().level == "exact"
        assert "syncrepl" in journal.state().why


def test_changes_by_ldap_tools_are_seen(two: People, journal: Journal) -> None:
    """H11: an ldapmodify of mail sets no updatedAt."""
    with filled(journal, two) as filler:
        filler.built()
        two.change("2", {"mail": [b"bob@example.org"]})
        filler.until(lambda: b"bob@example.org" in journal.living()["2"])
        assert journal.rows()["2"].version == 2


def test_additions_and_deletions_are_seen(two: People, journal: Journal) -> None:
    """H12: a deletion leaves a row that says so."""
    with filled(journal, two) as filler:
        filler.built()
        two.add("3", person("cid"))
        two.remove("1")
        filler.until(lambda: journal.rows()["1"].removed == "deleted" and "3" in journal.living())


def test_a_rename_keeps_the_identity(two: People, journal: Journal) -> None:
    """Another inum and uid, the same row."""
    with filled(journal, two) as filler:
        filler.built()
        before = journal.rows()["1"].id
        two.admin.rename_s(dn_of("1"), "inum=9")
        filler.until(lambda: "9" in journal.rows())
        assert journal.rows()["9"].id == before
        assert "1" not in journal.rows()


def test_moved_away_is_out_of_scope(two: People, journal: Journal) -> None:
    """An entry that still exists elsewhere is not deleted, and it may come back."""
    with filled(journal, two) as filler:
        filler.built()
        two.move_out("1")
        filler.until(lambda: journal.rows()["1"].removed == "outOfScope")
        two.move_in("1")
        filler.until(lambda: journal.rows()["1"].removed is None)
        assert journal.rows()["1"].version == 3


def test_a_write_that_changes_nothing_is_no_change(two: People, journal: Journal) -> None:
    """slapd tells it, for its entryCSN moved; the journal stands still."""
    with filled(journal, two) as filler:
        filler.built()
        two.change("2", {"uid": [b"bob"]})
        two.change("1", {"uid": [b"zoe"]})
        filler.until(lambda: uid(journal, "1") == "zoe")
        assert journal.rows()["2"].version == 1


def test_secrets_never_reach_the_journal(two: People, journal: Journal) -> None:
    """Not even into its file."""
    two.change("1", {"userPassword": [b"pass-the-salt"], "oxOTPDevices": [b"otp-device"]})
    with filled(journal, two) as filler:
        filler.built()
        two.change("2", {"userPassword": [b"pass-the-salt"], "mail": [b"seen@example.org"]})
        filler.until(lambda: b"seen@example.org" in journal.living()["2"])
    octets = b"".join(file.read_bytes() for file in journal.folder.glob("journal.db*"))
    assert b"seen@example.org" in octets
    assert b"pass-the-salt" not in octets
    assert b"otp-device" not in octets


def test_what_happened_meanwhile_is_caught_up(two: People, journal: Journal) -> None:
    """The second ingester continues at the first one's cookie, in the same epoch."""
    with filled(journal, two) as filler:
        filler.built()
    epoch, before = journal.state().epoch, journal.rows()["2"]
    two.add("3", person("cid"))
    two.change("1", {"uid": [b"zoe"]})
    two.move_out("2")
    with filled(journal, two) as filler:
        filler.until(lambda: journal.rows()["2"].removed == "outOfScope")
        assert uid(journal, "1") == "zoe"
        assert "3" in journal.living()
    assert journal.state().epoch == epoch
    assert journal.rows()["2"].version == before.version + 1


def test_a_restarted_directory_is_followed_on(own_people: People, journal: Journal) -> None:
    """Its session log is gone, so deletions arrive as a list of who is present."""
    own_people.add("1", person("ann"))
    own_people.add("2", person("bob"))
    with filled(journal, own_people) as filler:
        filler.built()
        epoch = journal.state().epoch
    own_people.remove("1")
    own_people.server.restart()
    with filled(journal, own_people) as filler:
        filler.until(lambda: journal.rows()["1"].removed == "deleted")
        own_people.server.restart()
        own_people.change("2", {"uid": [b"zoe"]})
        filler.until(lambda: uid(journal, "2") == "zoe")
    assert journal.state().epoch == epoch


def test_a_directory_that_is_down_is_waited_for(own_people: People, journal: Journal) -> None:
    """Its absence at the start ends nothing."""
    own_people.add("1", person("ann"))
    own_people.server.stop()
    with Filler(journal, own_people.backend) as filler:
        own_people.server.start()
        filler.until(lambda: uid(journal, "1") == "ann")


@pytest.mark.parametrize("heir", ["somebody new", "somebody renamed"])
def test_an_inum_that_went_to_another(own_people: People, journal: Journal, heir: str) -> None:
    """Its first owner's removal comes first: else a client that keys on inums deletes the heir."""
    own_people.add("1", person("ann"))
    own_people.add("2", person("bob"))
    with filled(journal, own_people) as filler:
        filler.built()
        first = journal.rows()["1"].id
    own_people.remove("1")
    if heir == "somebody new":
        own_people.add("1", person("eve"))
    else:
        own_people.admin.rename_s(dn_of("2"), "inum=1")
    own_people.server.restart()  # who is missing is told at the end, without a session log
    with filled(journal, own_people) as filler:
        filler.until(lambda: journal.rows()["1"].id != first)
        order = select(ENTRIES.c.removed).where(ENTRIES.c.inum == "1").order_by(ENTRIES.c.seq)
        with journal.engine.begin() as connection:
            assert [*connection.scalars(order)] == ["deleted", None]
