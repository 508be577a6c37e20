"""Restores, clocks that go back, crashes: what a cookie of slapd's cannot tell is found out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import ldap
import pytest

from flask_gluu_changes.backends.ldap.search import Search
from flask_gluu_changes.backends.ldap.syncrepl.session import SyncSession
from flask_gluu_changes.journal.tables import now
from flask_gluu_changes.testing import person
from tests.support.directory import dn_of
from tests.support.filling import SLAPD, Journal
from tests.support.followed import People, filled
from tests.support.slapd import Slapd

from .test_groups import groups_of

RESTORED = "it was restored from an older copy"
CHECKPOINTS = f"{SLAPD}syncprov-checkpoint 1000 600\n"


@pytest.fixture
def many(own_people: People) -> People:
    """A directory with 30 people."""
    return populated(own_people)


@pytest.fixture
def crashing(tmp_path: Path) -> Iterator[People]:
    """A directory with 30 people, which writes its contextCSN down when it ends in good order."""
    with Slapd(tmp_path / "slapd", extra=CHECKPOINTS) as server:
        people = populated(People(server))
        server.restart()
        yield people


def slapd_of(people: People) -> Slapd:
    """Return the directory's server, which is to be stopped, killed or put back."""
    assert isinstance(people.server, Slapd)
    return people.server


def populated(people: People) -> People:
    """Add 30 people."""
    for i in range(30):
        people.add(str(i), person(f"u{i}"))
    return people


def mail(people: People, text: str, *inums: int) -> None:
    """Change the mail of some people, or of everybody."""
    for i in inums or range(30):
        people.change(str(i), {"mail": [f"{text}-{i}@example.org".encode()]})


def mails(people: People) -> dict[str, str]:
    """Read everybody's mail from the directory."""
    found = (
        slapd_of(people)
        .connect()
        .search_s(slapd_of(people).base_dn, ldap.SCOPE_ONELEVEL, "(inum=*)", ["inum", "mail"])
    )
    return {e["inum"][0].decode(): e.get("mail", [b""])[0].decode() for _, e in found}


def equal(journal: Journal, people: People) -> bool:
    """Tell whether the journal shows everybody's mail as the directory does."""
    theirs, ours = mails(people), journal.living()
    return ours.keys() == theirs.keys() and all(
        text.encode() in ours[inum] if text else b'"mail"' not in ours[inum]
        for inum, text in theirs.items()
    )


def caught_up(journal: Journal, people: People) -> None:
    """Follow until the journal is the directory; what is written last is told last."""
    people.change("0", {"sn": [b"last"]})
    with filled(journal, people) as filler:
        filler.until(lambda: b'"last"' in journal.living()["0"] and equal(journal, people))


def test_a_restore_and_one_write(
    many: People, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """The directory is newer than the cookie, and 29 people are older than told; a line says so."""
    slapd_of(many).stop()
    dumped = slapd_of(many).dump()
    slapd_of(many).start()
    with filled(journal, many) as filler:
        filler.built()
        mail(many, "lost")
        filler.until(lambda: equal(journal, many))
    slapd_of(many).stop()
    slapd_of(many).restore(dumped)
    slapd_of(many).start()
    mail(many, "after", 7)
    assert RESTORED not in caplog.text
    caught_up(journal, many)
    assert RESTORED in caplog.text


def test_a_restore_of_who_was_deleted_and_added(many: People, journal: Journal) -> None:
    """Deletions and additions are undone, and many more changes are made before anybody looks."""
    slapd_of(many).stop()
    dumped = slapd_of(many).dump()
    slapd_of(many).start()
    many.remove("3")
    many.add("99", person("late"))
    mail(many, "lost", 5)
    with filled(journal, many) as filler:
        filler.built()
    slapd_of(many).stop()
    slapd_of(many).restore(dumped)
    slapd_of(many).start()
    mail(many, "after", *range(8, 30))
    caught_up(journal, many)


@pytest.mark.parametrize("forward", [False, True], ids=["behind", "right again"])
def test_a_clock_that_goes_back(many: People, journal: Journal, forward: bool) -> None:
    """What is written then has older numbers than the cookie, and slapd does not report it."""
    with filled(journal, many) as filler:
        filler.built()
    epoch = journal.state().epoch
    slapd_of(many).stop()
    slapd_of(many).set_clock("-1h")
    slapd_of(many).start()
    mail(many, "early", *range(1, 20))
    many.remove("29")
    many.add("30", person("eve"))
    if forward:
        slapd_of(many).stop()
        slapd_of(many).set_clock("")
        slapd_of(many).start()
        mail(many, "later", 25)
    caught_up(journal, many)
    assert journal.state().epoch == epoch


def test_a_clock_that_went_back_while_following(many: People, journal: Journal) -> None:
    """slapd restarts under the follower, whose own restart voids no token."""
    with filled(journal, many) as filler:
        filler.built()
        slapd_of(many).stop()
        slapd_of(many).set_clock("-1h")
        slapd_of(many).start()
        mail(many, "early", *range(1, 20))
        filler.until(lambda: equal(journal, many))
        mail(many, "and", 1, 2)
        filler.until(lambda: equal(journal, many))
        epoch = journal.state().epoch
    with filled(journal, many) as filler:
        mail(many, "end", 3)
        filler.until(lambda: equal(journal, many))
    assert journal.state().epoch == epoch


def test_a_group_under_a_clock_that_went_back(many: People, journal: Journal) -> None:
    """Its own entryCSN is no newer than the cookie, either."""
    many.group("staff", "1")
    with filled(journal, many) as filler:
        filler.built()
    slapd_of(many).stop()
    slapd_of(many).set_clock("-1h")
    slapd_of(many).start()
    many.regroup("staff", "2")
    with filled(journal, many) as filler:
        filler.until(lambda: bool(groups_of(journal, "2")) and not groups_of(journal, "1"))


def rename(people: People) -> None:
    """Give somebody another RDN."""
    people.admin.rename_s(dn_of("3"), "inum=77")


LAST: dict[str, Callable[[People], None]] = {
    "a change": lambda people: mail(people, "last", 3),
    "an addition": lambda people: people.add("99", person("late")),
    "a deletion": lambda people: people.remove("3"),
    "a rename": rename,
}


@pytest.mark.parametrize("last", LAST)
def test_a_crash_of_slapd_voids_nothing(crashing: People, journal: Journal, last: str) -> None:
    """Its contextCSN is an older one then, though nothing is lost."""
    with filled(journal, crashing) as filler:
        filler.built()
        epoch = journal.state().epoch
        mail(crashing, "some", *range(8))
        LAST[last](crashing)
        filler.until(lambda: equal(journal, crashing))
    slapd_of(crashing).kill()
    slapd_of(crashing).start()
    before = journal.state().confirmed_at
    with filled(journal, crashing) as filler:
        filler.until(lambda: journal.state().built and journal.state().confirmed_at > before)
        crashing.add("100", person("new"))
        filler.until(lambda: "100" in journal.living() and equal(journal, crashing))
    assert journal.state().epoch == epoch


def test_a_crash_of_slapd_under_the_follower(crashing: People, journal: Journal) -> None:
    """It is followed on when it is there again."""
    with filled(journal, crashing) as filler:
        filler.built()
        epoch = journal.state().epoch
        for i in range(3):
            mail(crashing, f"round{i}", *range(5))
            slapd_of(crashing).kill()
            slapd_of(crashing).start()
        mail(crashing, "end", 11)
        filler.until(lambda: equal(journal, crashing))
    assert journal.state().epoch == epoch


WRITTEN: dict[str, Callable[[People], None]] = {
    "a change": lambda people: mail(people, "early", 3),
    "an addition": lambda people: people.add("99", person("late")),
    "a deletion": lambda people: people.remove("3"),
}


@pytest.mark.parametrize("last", WRITTEN)
def test_a_write_while_following_begins_under_a_clock_that_went_back(
    many: People, journal: Journal, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    """Nothing is confirmed that was written just before slapd began to report."""
    with filled(journal, many) as filler:
        filler.built()
        mail(many, "told", 5)
        filler.until(lambda: equal(journal, many))
    slapd_of(many).stop()
    slapd_of(many).set_clock("-1h")
    slapd_of(many).start()
    begin = SyncSession.follow
    written_at: list[int] = []

    def follow(self: SyncSession, search: Search, cookie: str) -> int:
        if cookie and not written_at:
            WRITTEN[last](many)
            written_at.append(now())
        return begin(self, search, cookie)

    monkeypatch.setattr(SyncSession, "follow", follow)
    with filled(journal, many) as filler:
        filler.until(lambda: bool(written_at) and journal.state().confirmed_at > written_at[0])
        assert equal(journal, many)
