"""A crash after people were written, and before the cookie that stands for them was saved.

The directory may go back meanwhile to what the last cookie says was told: an overlay corrects a
name and corrects it again, or an older copy is restored. Then no stamp shows that the journal holds
something else.
"""

from __future__ import annotations

import logging

import pytest

from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.journal.batch import WriteBatch
from flask_gluu_changes.journal.ingest import ingester
from flask_gluu_changes.journal.ingest.verify import verify
from flask_gluu_changes.journal.writer import Writer
from flask_gluu_changes.testing import person
from tests.support.directory import config_of, dn_of
from tests.support.filling import Filler, Journal
from tests.support.followed import People, filled
from tests.support.slapd import Slapd

from .test_references import named, people

__all__ = ["people"]

REPLICA = (
    'syncrepl rid=001 provider=ldap://127.0.0.1:1 type=refreshAndPersist retry="5 +"'
    ' searchbase="o=gluu" bindmethod=simple binddn="cn=x" credentials=x\n'
    "overlay syncprov\nsyncprov-sessionlog 10000\n"
)
"""Of a server that cannot be reached, so that no change has a number."""


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


def test_ordinary_work_leaves_no_doubt(people: People, journal: Journal) -> None:
    """What was found by comparing has a cookie of its own soon."""
    backend = LdapBackend.from_config(config_of(people.server, LDAP_COMPARE_INTERVAL=0.2))
    with Filler(journal, backend) as filler:
        filler.built()
        people.admin.rename_s(dn_of("1"), "inum=9")
        filler.until(lambda: named(journal) == [dn_of("9")])
        filler.until(lambda: '"told": ""' not in journal.state().cookie)
    backend.close()


def test_a_repair(people: People, journal: Journal) -> None:
    """What `verify` wrote is in doubt as well."""
    with filled(journal, people) as filler:
        filler.built()
    people.admin.rename_s(dn_of("1"), "inum=9")
    verify({"GLUU_CHANGES_JOURNAL_URL": journal.url}, people.backend, repair=True)
    assert named(journal) == [dn_of("9")]
    people.admin.rename_s(dn_of("9"), "inum=1")
    with filled(journal, people) as filler:
        filler.until(lambda: named(journal) == [dn_of("1")])


def test_a_cookie_without_a_change_number(
    tmp_path_factory: pytest.TempPathFactory, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """A replica of slapd that has read nothing yet sends such; they can be doubted, too."""
    caplog.set_level(logging.INFO)
    with Slapd(tmp_path_factory.mktemp("replica"), extra=REPLICA) as server:
        people = People(server)
        with filled(journal, people) as filler:
            filler.built()
            confirmed = journal.state().confirmed_at
            filler.until(lambda: journal.state().confirmed_at > confirmed)
            epoch = journal.state().epoch
            filler.until(lambda: journal.state().confirmed_at > confirmed + 500_000)
    assert journal.state().epoch == epoch
    assert not [text for text in caplog.messages if "epoch" in text]


def test_a_crash_is_no_restore(
    people: People,
    journal: Journal,
    crashing: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody is told so, though no entry is as the last change left it; and the doubt ends."""
    caplog.set_level(logging.INFO)
    people.add("3", person("cid"))
    people.change("2", {"cn": [b"x"]})
    with filled(journal, people) as filler:
        filler.built()
    people.change("2", {"cn": [b"y"]})
    people.admin.rename_s(dn_of("1"), "inum=9")
    with filled(journal, people) as filler:
        filler.crashed()
    crashing.undo()
    assert '"told": ""' in journal.state().cookie
    with filled(journal, people) as filler:
        filler.until(lambda: '"told": ""' not in journal.state().cookie)
    said = [record.getMessage() for record in caplog.records]
    assert not [text for text in said if "restored" in text or "epoch" in text]
