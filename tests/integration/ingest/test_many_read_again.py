"""People of whom slapd reports nothing, and too many for looking each up: one search reads all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.backends.ldap.follower import uuid_filters
from flask_gluu_changes.backends.ldap.syncrepl import stream
from flask_gluu_changes.journal.batch import WriteBatch
from flask_gluu_changes.journal.ingest import ingester
from flask_gluu_changes.testing import person
from tests.support.directory import config_of
from tests.support.filling import Filler, Journal
from tests.support.followed import People, filled
from tests.support.people import GROUPS_DN, PEOPLE_DN, PERSON_CLASSES

MANY = [str(i) for i in range(250)]
BRANCH = f"ou=branch,{PEOPLE_DN}"


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The entryUUIDs that people are looked up by, to be read again."""
    asked: list[str] = []

    def note(uuids: list[str]) -> Iterator[str]:
        asked.extend(uuids)
        return uuid_filters(uuids)

    monkeypatch.setattr(stream, "uuid_filters", note)
    return asked


def test_who_got_a_group_while_nobody_followed(
    people: People, journal: Journal, looked_up: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All members are read again when following begins, and nobody when it begins once more."""
    for inum in MANY:
        people.add(inum, person(f"u{inum}"))
    with filled(journal, people) as filler:
        filler.built()
    people.group("g", *MANY)
    with filled(journal, people) as filler:
        filler.until(lambda: all(b"memberOf" in line for line in journal.living().values()))
    before = journal.state()
    assert len(journal.living()) == len(MANY)
    monkeypatch.delattr(stream.SyncStream, "_everybody")
    with filled(journal, people) as filler:
        filler.until(lambda: journal.state().confirmed_at != before.confirmed_at)
    assert journal.state().head == before.head
    assert looked_up == []


def test_who_was_moved_with_a_branch(
    people: People,
    journal: Journal,
    batches: list[WriteBatch],
    looked_up: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A comparison misses them: they are removed, and come back without a cookie in doubt."""
    monkeypatch.setattr(ingester, "MAX_BATCH", 120)
    people.admin.add_s(BRANCH, [("objectClass", [b"organizationalUnit"]), ("ou", [b"branch"])])
    for inum in MANY:
        entry = {"objectClass": PERSON_CLASSES, **person(f"u{inum}"), "inum": [inum.encode()]}
        people.admin.add_s(f"inum={inum},{BRANCH}", list(entry.items()))
    people.add("stays", person("stays"))
    backend = LdapBackend.from_config(config_of(people.server, LDAP_COMPARE_INTERVAL=0.2))
    with Filler(journal, backend, FOLLOW_MAX_REMOVALS=1) as filler:
        filler.built()
        people.admin.rename_s(BRANCH, "ou=branch", GROUPS_DN)
        filler.until(lambda: [*journal.living()] == ["stays"])
        removed = {row.removed for row in journal.rows().values()}
        batches.clear()
        looked_up.clear()
        people.admin.rename_s(f"ou=branch,{GROUPS_DN}", "ou=branch", PEOPLE_DN)
        filler.until(lambda: len(journal.living()) > len(MANY))
    assert removed == {None, "outOfScope"}
    assert not [batch for batch in batches if '"told": ""' in (batch.cookie or "")]
    assert looked_up == []
    backend.close()
