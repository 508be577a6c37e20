"""Without a changelog that may be read OpenDJ is followed by time stamps, and it is said why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ldap
import pytest

from flask_gluu_changes.testing import person
from tests.support.filling import Journal
from tests.support.followed import People, filled

from .opendj import OpenDJ
from .opendj_changelog import access_rules

HANDLER = "cn=Access Control Handler,cn=config"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """An OpenDJ whose account may read the changelog."""
    with OpenDJ(tmp_path_factory.mktemp("rights"), changelog=True) as server:
        people = People(server)
        people.add("1", person("ann"))
        yield people
        people.backend.close()


def why(people: People, folder: Path) -> tuple[str, str]:
    """Fill a journal; give the level, and the reason."""
    journal = Journal(folder)
    with filled(journal, people) as filler:
        filler.built()
    state = journal.state()
    journal.engine.dispose()
    return state.level, state.why


def test_without_replication(tmp_path: Path) -> None:
    """The operator reads that one server is enough."""
    with OpenDJ(tmp_path / "opendj") as server:
        people = People(server)
        people.add("1", person("ann"))
        level, reason = why(people, tmp_path)
        people.backend.close()
    assert level == "lagging"
    assert "enable replication, for which one server is enough" in reason


@pytest.mark.parametrize("rule", access_rules())
def test_without_a_rule(running: People, tmp_path: Path, rule: str) -> None:
    """Each of the access rules is needed."""
    running.admin.modify_s(HANDLER, [(ldap.MOD_DELETE, "ds-cfg-global-aci", [rule.encode()])])
    level, reason = why(running, tmp_path)
    running.admin.modify_s(HANDLER, [(ldap.MOD_ADD, "ds-cfg-global-aci", [rule.encode()])])
    assert (level, "may not read the changelog" in reason) == ("lagging", True)


def test_without_the_privilege(running: People, tmp_path: Path) -> None:
    """It is asked for by its name."""
    change = ("ds-privilege-name", [b"changelog-read"])
    running.admin.modify_s(running.server.reader_dn, [(ldap.MOD_DELETE, *change)])
    level, reason = why(running, tmp_path)
    running.admin.modify_s(running.server.reader_dn, [(ldap.MOD_ADD, *change)])
    assert level == "lagging"
    assert "changelog-read" in reason


def test_with_all_of_them(running: People, tmp_path: Path) -> None:
    """So that the tests above prove something."""
    assert why(running, tmp_path)[0] == "exact"
