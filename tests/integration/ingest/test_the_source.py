"""What is followed is a directory, wherever it is and however its address is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from flask_gluu_changes.backends.ldap import LdapBackend
from tests.support.directory import config_of
from tests.support.filling import SLAPD, Filler, Journal
from tests.support.followed import People, filled
from tests.support.slapd import Slapd

from .test_directories_that_went_back import equal, mail, populated, slapd_of


@pytest.fixture
def many(own_people: People) -> People:
    """A directory with 30 people."""
    return populated(own_people)


def test_the_directory_and_not_its_address(many: People, journal: Journal) -> None:
    """Another spelling of address, base or class is the same source."""
    with filled(journal, many) as filler:
        filler.built()
    epoch, rows = journal.state().epoch, journal.rows()
    spellings = (
        {"LDAP_URI": slapd_of(many).uri.replace("127.0.0.1", "localhost")},
        {"LDAP_URI": slapd_of(many).ldapi_uri},
        {"LDAP_URI": f"{slapd_of(many).ldapi_uri} {slapd_of(many).uri}"},
        {"LDAP_BASE_DN": "OU=People, o=Gluu", "LDAP_OBJECT_CLASS": "GLUUPERSON"},
    )
    for number, changed in enumerate(spellings):
        backend = LdapBackend.from_config(config_of(slapd_of(many), **changed))
        mail(many, f"spelled{number}", number)
        with Filler(journal, backend) as filler:
            filler.until(lambda: equal(journal, many))
        backend.close()
        assert journal.state().epoch == epoch
    assert journal.rows().keys() == rows.keys()


def test_another_directory_at_the_same_address(
    many: People, journal: Journal, tmp_path: Path
) -> None:
    """Though its people have the same names, nobody's token goes on there."""
    with filled(journal, many) as filler:
        filler.built()
    epoch = journal.state().epoch
    other = Slapd(tmp_path / "other", extra=SLAPD)
    other.port = slapd_of(many).port
    slapd_of(many).stop()
    with other:
        backend = populated(People(other)).backend
        with Filler(journal, backend) as filler:
            filler.until(lambda: journal.state().epoch != epoch and journal.state().built)
