"""A crash after people were written, and before the cookie that stands for them was saved.

The directory may go back meanwhile to what the last cookie says was told: an overlay corrects a
name and corrects it again, or an older copy is restored. Then no stamp shows that the journal holds
something else.
"""

from __future__ import annotations

import pytest

from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.journal.batch import WriteBatch
from flask_gluu_changes.journal.ingest import ingester
from flask_gluu_changes.journal.writer import Writer
from tests.support.directory import config_of, dn_of
from tests.support.filling import Filler, Journal
from tests.support.followed import People, filled

from .test_references import named, people

__all__ = ["people"]


class Crash(BaseException):
    """Ends a follower on the spot."""


@pytest.fixture
def crashing(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have whoever follows commit each person, and crash when the second names another one."""
    commit = Writer.commit

    def crash(self: Writer, batch: WriteBatch) -> int:
        written = commit(self, batch)
        if named(journal) == [dn_of("9")]:
            raise Crash
        return written

    monkeypatch.setattr(ingester, "MAX_BATCH", 1)
    monkeypatch.setattr(Writer, "commit", crash)
    return monkeypatch


def test_in_a_refresh(people: People, journal: Journal, crashing: pytest.MonkeyPatch) -> None:
    """A corrected name is read again when following begins."""
    with filled(journal, people) as filler:
        filler.built()
    people.admin.rename_s(dn_of("1"), "inum=9")
    with filled(journal, people) as filler:
        filler.crashed()
    crashing.undo()
    people.admin.rename_s(dn_of("9"), "inum=1")
    with filled(journal, people) as filler:
        filler.until(lambda: named(journal) == [dn_of("1")])


def test_in_a_comparison(people: People, journal: Journal, crashing: pytest.MonkeyPatch) -> None:
    """So is one that was found by comparing."""
    backend = LdapBackend.from_config(config_of(people.server, LDAP_COMPARE_INTERVAL=0.2))
    with Filler(journal, backend) as filler:
        filler.built()
        people.admin.rename_s(dn_of("1"), "inum=9")
        filler.crashed()
    crashing.undo()
    people.admin.rename_s(dn_of("9"), "inum=1")
    with Filler(journal, backend) as filler:
        filler.until(lambda: named(journal) == [dn_of("1")])
    backend.close()
