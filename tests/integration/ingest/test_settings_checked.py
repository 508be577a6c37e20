"""What can be known is checked before every token of a journal becomes void."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine

from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.errors import GluuChangesError
from flask_gluu_changes.testing import person
from tests.support.directory import config_of
from tests.support.filling import Filler, Journal
from tests.support.followed import People, filled
from tests.support.relational import Relational

WRONG = {
    "misspelt": {"TIME_ATTRIBUTES": ["updatedAtt"]},
    "one of several": {"TIME_ATTRIBUTES": ["updatedAt", "oxCreationTimestampp"]},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_directory(people: People, journal: Journal, name: str) -> None:
    """The journal stays as it was, and answers."""
    people.add("1", person("ann"))
    with filled(journal, people) as filler:
        filler.built()
    before = journal.state()
    filler = filled(journal, people, **WRONG[name])
    with filler, pytest.raises(GluuChangesError):
        filler.until(lambda: filler.error is not None and _raise(filler.error))
    after = journal.state()
    assert (after.epoch, after.built, after.source) == (before.epoch, True, before.source)
    with filled(journal, people) as filler:
        people.add("2", person("bob"))
        filler.until(lambda: "2" in journal.living())
    assert journal.state().epoch == before.epoch


def test_a_class_of_people(people: People, journal: Journal) -> None:
    """One that the directory does not know is refused: nobody has it."""
    people.add("1", person("ann"))
    with filled(journal, people) as filler:
        filler.built()
    before = journal.state()
    config = config_of(people.server, LDAP_OBJECT_CLASS="gluuPersn")
    filler = Filler(journal, LdapBackend.from_config(config))
    with filler, pytest.raises(GluuChangesError, match="LDAP_OBJECT_CLASS names gluuPersn"):
        filler.until(lambda: filler.error is not None and _raise(filler.error))
    assert (journal.state().epoch, journal.state().built) == (before.epoch, True)


@pytest.mark.parametrize("name", WRONG)
def test_a_database(journal: Journal, tmp_path: Path, name: str) -> None:
    """As in a directory; a column that is not there."""
    people = Relational(create_engine(f"sqlite:///{tmp_path}/people.db"))
    people.add("1", person("ann"))
    with Filler(journal, people.backend) as filler:
        filler.built()
    before = journal.state()
    filler = Filler(journal, people.backend, **WRONG[name])  # type: ignore[arg-type]
    with filler, pytest.raises(GluuChangesError):
        filler.until(lambda: filler.error is not None and _raise(filler.error))
    assert (journal.state().epoch, journal.state().built) == (before.epoch, True)
    people.close()


def _raise(error: BaseException) -> bool:
    raise error
