"""Names of entries that an overlay corrects on people: no entryCSN changes, and nobody is told."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.testing import person
from tests.support.directory import config_of, dn_of
from tests.support.filling import Filler, Journal
from tests.support.followed import People, filled
from tests.support.slapd import Slapd

REFINT = (
    "moduleload refint\noverlay refint\nrefint_attributes associatedClient\n"
    "overlay syncprov\nsyncprov-sessionlog 10000\n"
)


@pytest.fixture
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """A slapd with overlay refint, and two people, of whom the second names the first."""
    with Slapd(tmp_path_factory.mktemp("refint"), extra=REFINT) as server:
        people = People(server)
        people.add("1", person("ann"))
        people.add("2", {**person("bob"), "associatedClient": [dn_of("1").encode()]})
        yield people


def named(journal: Journal) -> list[str]:
    """Give whom the second person names."""
    return list(json.loads(journal.living().get("2", b"{}")).get("associatedClient", []))


def test_a_reference_that_is_corrected_while_following(people: People, journal: Journal) -> None:
    """Comparing finds it."""
    backend = LdapBackend.from_config(config_of(people.server, LDAP_COMPARE_INTERVAL=0.2))
    with Filler(journal, backend) as filler:
        filler.built()
        people.admin.rename_s(dn_of("1"), "inum=9")
        filler.until(lambda: named(journal) == [dn_of("9")])
        people.remove("9")
        filler.until(lambda: named(journal) == [])
    backend.close()


def test_a_reference_that_was_corrected_meanwhile(people: People, journal: Journal) -> None:
    """It is found when following begins; a cookie shows nothing."""
    with filled(journal, people) as filler:
        filler.built()
    epoch = journal.state().epoch
    people.admin.rename_s(dn_of("1"), "inum=9")
    with filled(journal, people) as filler:
        filler.until(lambda: named(journal) == [dn_of("9")])
        assert journal.state().epoch == epoch
