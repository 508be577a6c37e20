"""What happens in an OpenLDAP directory reaches the journal, whoever did it and how."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from flask_gluu_changes.journal.tables import ENTRIES
from flask_gluu_changes.testing import NOON, person
from tests.support.directory import dn_of
from tests.support.filling import Filler, Journal
from tests.support.followed import People, filled
from tests.support.following_contract import FollowingContract, uid


@pytest.fixture
def two(people: People) -> People:
    """A directory with two people."""
    people.add("1", person("ann", updated=NOON))
    people.add("2", person("bob"))
    return people


class TestSyncrepl(FollowingContract):
    """OpenLDAP, by syncrepl."""

    mechanism = "syncrepl"


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


@pytest.mark.parametrize("owner", ["somebody new", "somebody renamed"])
def test_an_inum_that_went_to_another(own_people: People, journal: Journal, owner: str) -> None:
    """Its first owner's removal comes first: else who keys on inums deletes the second."""
    own_people.add("1", person("ann"))
    own_people.add("2", person("bob"))
    with filled(journal, own_people) as filler:
        filler.built()
        first = journal.rows()["1"].id
    own_people.remove("1")
    if owner == "somebody new":
        own_people.add("1", person("eve"))
    else:
        own_people.admin.rename_s(dn_of("2"), "inum=1")
    own_people.server.restart()  # who is missing is told at the end, without a session log
    with filled(journal, own_people) as filler:
        filler.until(lambda: journal.rows()["1"].id != first)
        order = select(ENTRIES.c.removed).where(ENTRIES.c.inum == "1").order_by(ENTRIES.c.seq)
        with journal.engine.begin() as connection:
            assert [*connection.scalars(order)] == ["deleted", None]
