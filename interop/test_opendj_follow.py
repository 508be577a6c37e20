"""What happens in an OpenDJ reaches the journal exactly, by its changelog."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import ldap
import pytest
from sqlalchemy import update

from flask_gluu_changes.journal.tables import STATE
from flask_gluu_changes.testing import NOON, person
from tests.support.filling import Journal
from tests.support.followed import People, filled, group_dn
from tests.support.following_contract import FollowingContract, uid
from tests.support.people import GROUPS_DN, PEOPLE_DN, SUFFIX

from .opendj import OpenDJ


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """One OpenDJ with a changelog for all tests."""
    with OpenDJ(tmp_path_factory.mktemp("followed"), changelog=True) as server:
        people = People(server)
        yield people
        people.backend.close()


@pytest.fixture
def two(running: People) -> People:
    """The running OpenDJ with two people."""
    running.empty()
    running.add("1", person("ann", updated=NOON))
    running.add("2", person("bob"))
    return running


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A new journal."""
    made = Journal(tmp_path)
    yield made
    made.engine.dispose()


def with_cookie(journal: Journal, changelog: str) -> str:
    """Give the journal's cookie with another one for the changelog."""
    return json.dumps({**json.loads(journal.state().cookie), "changelog": changelog})


class TestChangelog(FollowingContract):
    """OpenDJ, by its external changelog."""

    mechanism = "cn=changelog"


def test_a_membership_that_gluu_writes(two: People, journal: Journal) -> None:
    """Gluu keeps memberOf on the person, which is a change of the person."""
    with filled(journal, two) as filler:
        filler.built()
        two.group("g", "1")
        two.change("1", {"memberOf": [group_dn("g").encode()]})
        filler.until(lambda: group_dn("g").encode() in journal.living()["1"])


def test_a_branch_that_is_moved(two: People, journal: Journal) -> None:
    """OpenDJ tells one change for all who are in it; so everybody is read."""
    branch = [("objectClass", [b"organizationalUnit"]), ("ou", [b"branch"])]
    entry = [("objectClass", [b"gluuPerson"]), ("inum", [b"7"]), ("uid", [b"eve"])]
    two.admin.add_s(f"ou=branch,{PEOPLE_DN}", branch)
    two.admin.add_s(f"inum=7,ou=branch,{PEOPLE_DN}", entry)
    with filled(journal, two) as filler:
        filler.built()
        two.admin.rename_s(f"ou=branch,{PEOPLE_DN}", "ou=branch", SUFFIX)
        filler.until(lambda: journal.rows()["7"].removed == "outOfScope")
        two.admin.rename_s(f"ou=branch,{SUFFIX}", "ou=branch", PEOPLE_DN)
        filler.until(lambda: journal.rows()["7"].removed is None)
    two.admin.delete_s(f"inum=7,ou=branch,{PEOPLE_DN}")
    two.admin.delete_s(f"ou=branch,{PEOPLE_DN}")


COOKIES = {
    "garbage": "garbage",
    "purged": "o=gluu:000000010a533104000100000001;",
    "of another directory": "o=other:000001a20a533104000100000001;",
    "of another server": "o=gluu:000001a20a533104000f00000001;",
    "of the future": "o=gluu:7fffffff0a533104000100000001;",
}


@pytest.mark.parametrize("kind", COOKIES)
def test_a_cookie_that_cannot_be_continued(two: People, journal: Journal, kind: str) -> None:
    """Every token becomes void, and what did not change keeps its version."""
    with filled(journal, two) as filler:
        filler.built()
    epoch, cookie = journal.state().epoch, with_cookie(journal, COOKIES[kind])
    with journal.engine.begin() as connection:
        connection.execute(update(STATE).values(cookie=cookie))
    two.add("3", person("cid"))
    with filled(journal, two) as filler:
        filler.until(lambda: journal.state().built and "3" in journal.living())
    assert journal.state().epoch != epoch
    assert journal.rows()["1"].version == 1


def test_a_restarted_directory_is_followed_on(two: People, journal: Journal) -> None:
    """What happens before and after it reaches the journal, in the same epoch."""
    with filled(journal, two) as filler:
        filler.built()
        epoch = journal.state().epoch
        two.change("1", {"uid": [b"zoe"]})
        two.server.restart()
        two.change("2", {"uid": [b"eve"]})
        filler.until(lambda: (uid(journal, "1"), uid(journal, "2")) == ("zoe", "eve"))
        two.server.stop()
        two.server.start()
        two.remove("1")
        filler.until(lambda: journal.rows()["1"].removed == "deleted")
    assert journal.state().epoch == epoch
    assert journal.state().level == "exact"


def test_changes_of_others_are_passed_over(two: People, journal: Journal) -> None:
    """The cookie goes on, and nobody is written."""
    with filled(journal, two) as filler:
        filler.built()
        head, cookie = journal.state().head, journal.state().cookie
        two.admin.modify_s(GROUPS_DN, [(ldap.MOD_REPLACE, "description", [b"groups"])])
        filler.until(lambda: journal.state().cookie != cookie)
        assert journal.state().head == head
