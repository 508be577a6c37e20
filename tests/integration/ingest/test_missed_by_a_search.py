"""People whom a search for everybody misses: slapd goes on meanwhile, by places in the tree."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.backends.ldap.search import Search
from flask_gluu_changes.backends.ldap.syncrepl.follower import SyncreplFollower
from flask_gluu_changes.backends.ldap.syncrepl.session import SyncSession
from flask_gluu_changes.journal.batch import WriteBatch
from flask_gluu_changes.journal.records import Identity
from flask_gluu_changes.testing import person
from tests.support.directory import config_of, dn_of
from tests.support.filling import Filler, Journal
from tests.support.followed import People
from tests.support.people import GROUPS_DN, PEOPLE_DN, PERSON_CLASSES
from tests.support.slapd import Slapd

BRANCH = f"ou=branch,{PEOPLE_DN}"
WITHOUT_SESSION_LOG = "overlay syncprov\n"
MANY = [str(i) for i in range(250)]

Miss = Callable[..., list[str]]


@pytest.fixture
def miss(monkeypatch: pytest.MonkeyPatch) -> Miss:
    """Have one search miss somebody: the next that asks for stamps alone, or for everything."""

    def miss_next(missed_dn: str, *, stamps: bool) -> list[str]:
        everybody, missed = SyncSession.everybody, list[str]()

        def search(self: SyncSession, search: Search) -> Iterator[tuple[str, Any]]:
            misses = stamps == ("mail" not in search.attributes) and not missed
            for dn, entry in everybody(self, search):
                if misses and dn == missed_dn:
                    missed.append(dn)
                else:
                    yield dn, entry

        monkeypatch.setattr(SyncSession, "everybody", search)
        return missed

    return miss_next


@pytest.mark.parametrize("what", ["stamps", "stamps of whom slapd reported", "people"])
def test_who_is_looked_up_is_never_told_as_removed(
    what: str, people: People, journal: Journal, batches: list[WriteBatch], miss: Miss
) -> None:
    """He was moved among the people meanwhile, and is told as he is a little later."""
    for inum in (*MANY, "moved"):
        people.add(inum, person(f"u{inum}"))
    backend = LdapBackend.from_config(config_of(people.server, LDAP_COMPARE_INTERVAL=0.2))
    with Filler(journal, backend) as filler:
        filler.built()
    people.group("g", *MANY, "moved")
    if "reported" in what:
        people.change("moved", {"mail": [b"new@example.org"]})
    missed, before = miss(dn_of("moved"), stamps=what != "people"), journal.state().confirmed_at
    batches.clear()
    with Filler(journal, backend) as filler:
        filler.until(lambda: bool(missed) and journal.state().confirmed_at > before)
        filler.until(lambda: b"memberOf" in journal.living().get("moved", b""))
    told = [change for batch in batches for change in batch.changes.values()]
    assert {type(change) for change in told} == {Identity}
    backend.close()


def test_who_leaves_after_he_was_looked_up(
    people: People, journal: Journal, miss: Miss, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a branch, of which slapd says nothing: the next comparison removes him."""
    people.admin.add_s(BRANCH, [("objectClass", [b"organizationalUnit"]), ("ou", [b"branch"])])
    entry = {"objectClass": PERSON_CLASSES, **person("ann"), "inum": [b"1"]}
    people.admin.add_s(f"inum=1,{BRANCH}", list(entry.items()))
    people.add("2", person("bob"))
    backend = LdapBackend.from_config(config_of(people.server, LDAP_COMPARE_INTERVAL=0.2))
    with Filler(journal, backend) as filler:
        filler.built()
    missed, present = miss(f"inum=1,{BRANCH}", stamps=True), SyncreplFollower.present

    def leaves_then(self: SyncreplFollower, ids: Collection[str]) -> set[str]:
        found = present(self, ids)
        if found:
            people.admin.rename_s(BRANCH, "ou=branch", GROUPS_DN)
        return found

    monkeypatch.setattr(SyncreplFollower, "present", leaves_then)
    with Filler(journal, backend) as filler:
        filler.until(lambda: [*journal.living()] == ["2"])
    assert missed
    backend.close()


def test_who_is_gone_is_not_looked_up_at_another_server(
    tmp_path: Path,
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """The first of two replicas comes back late, and still has somebody who was deleted."""
    behind = Slapd(tmp_path / "behind", extra=WITHOUT_SESSION_LOG)
    request.addfinalizer(behind.stop)
    with Slapd(tmp_path / "ahead", extra=WITHOUT_SESSION_LOG) as ahead:
        people = People(ahead)
        people.add("1", person("ann"))
        people.add("2", person("bob"))
        behind.restore(ahead.dump())
        config = config_of(ahead, LDAP_URI=f"{behind.uri} {ahead.uri}")
        backend = LdapBackend.from_config(config)
        with Filler(journal, backend) as filler:
            filler.built()
        people.remove("1")
        stamps = SyncSession.stamps

        def comes_back_then(*arguments: Any) -> Any:
            found = stamps(*arguments)
            behind.start()
            return found

        monkeypatch.setattr(SyncSession, "stamps", comes_back_then)
        with Filler(journal, backend) as filler:
            filler.until(lambda: [*journal.living()] == ["2"])
        backend.close()
