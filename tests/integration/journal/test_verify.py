"""`verify` names whatever is wrong in a journal, and `--repair` mends it, in every database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import update

from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.tables import ENTRIES, METADATA
from flask_gluu_changes.testing import NOON, person
from tests.support.corruption import CORRUPTIONS, corrupt
from tests.support.filling import Filler, Journal
from tests.support.journal_site import Site
from tests.support.memory_people import MemoryPeople
from tests.support.replicas import TokenReplica, http_of


class Checked:
    """A journal, the people that it was filled from, and a client that follows it.

    settings: of the application, without their prefix.
    """

    def __init__(self, journal: Journal, **settings: Any) -> None:
        self.journal = journal
        self.people = MemoryPeople()
        for inum, uid in (("1", "ann"), ("2", "bob"), ("3", "cid")):
            self.people.add(inum, person(uid, updated=NOON))
        self.backend = JournalBackend(journal.engine, source=self.people.backend)
        self.settings = settings
        self.fill()
        self.site = Site(self, JOURNAL_URL=journal.url, **settings)
        self.client = TokenReplica(http_of(self.site.app), 2)
        self.client.drain()

    def fill(self) -> None:
        """Follow until everybody was read."""
        with Filler(self.journal, self.people.backend, **self.settings) as filler:
            filler.built()

    def fill_again(self) -> None:
        """Follow until everybody was read once more."""
        before = self.journal.state().confirmed_at
        with Filler(self.journal, self.people.backend, FOLLOW_SWEEP=0.01) as filler:
            filler.until(lambda: self.journal.state().confirmed_at > before)

    def run(self, *options: str) -> Result:
        """Run the command."""
        return self.site.app.test_cli_runner().invoke(args=["gluu-changes", "verify", *options])

    def uids(self) -> set[str]:
        """Give the uids that the client holds."""
        return {entry["uid"][0] for entry in self.client.people.values()}


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def checked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Checked]:
    """Three people in a journal of each database."""
    kind = request.param
    journal = Journal(tmp_path, "" if kind == "sqlite" else request.getfixturevalue(kind).url)
    yield Checked(journal)
    METADATA.drop_all(journal.engine)
    journal.engine.dispose()


def test_a_journal_that_is_right(checked: Checked) -> None:
    """Exit code 0; nothing is written, with --repair or without it."""
    before = checked.journal.state()
    for options in ((), ("--repair",)):
        result = checked.run(*options)
        assert result.exit_code == 0, result.output
        assert result.output.splitlines() == [
            "people compared: 3",
            *("missing: 0", "superfluous: 0", "different: 0", "quarantined: 0"),
            "removals held back: 0",
        ]
    assert checked.journal.state() == before


def test_whatever_is_wrong_is_named_and_mended(checked: Checked) -> None:
    """Each by itself: by its id and by names, never by a value; then clients hold the source."""
    for name, corruption in CORRUPTIONS.items():
        id_ = corrupt(checked.journal.engine, corruption, "2")
        result = checked.run()
        assert (result.exit_code, result.exception.__class__) == (1, SystemExit), name
        assert corruption.said in result.output, (name, result.output)
        assert f"  {id_}" in result.output, (name, result.output)
        assert "rob" not in result.output
        result = checked.run("--repair")
        assert result.exit_code == 0, (name, result.output)
        assert "repaired: " in result.output
        checked.client.drain()
        assert checked.uids() == {"ann", "bob", "cid"}, name
        assert checked.run().exit_code == 0, name


def test_what_is_told_of_the_gone_is_compared_as_well(checked: Checked) -> None:
    """A removal that says another thing is told again, as it should be."""
    checked.people.remove("3")
    checked.fill_again()
    with checked.journal.engine.begin() as connection:
        wrong = update(ENTRIES).where(ENTRIES.c.id == "3").values(line=b'{"@id":"3"}')
        connection.execute(wrong)
    result = checked.run()
    assert (result.exit_code, "  3 (removed)" in result.output) == (1, True)
    assert checked.run("--repair").exit_code == 0
    checked.client.drain()
    assert checked.uids() == {"ann", "bob"}


def test_an_edit_that_nobody_told(checked: Checked) -> None:
    """A polled store has edits without times; they need not wait for the sweep."""
    checked.people.change("1", {"mail": [b"a@example.org"]})
    checked.people.remove("2")
    result = checked.run()
    assert "  1 (mail)" in result.output
    assert "superfluous: 1\n  2\n" in result.output
    assert "repaired: 2" in checked.run("--repair").output
    checked.client.drain()
    assert checked.uids() == {"ann", "cid"}


def test_a_missing_row_comes_back_above_all_versions(checked: Checked) -> None:
    """What clients hold of it may be newer than the row's first version."""
    for uid in (b"bo", b"bobby"):
        checked.people.change("2", {"uid": [uid], "updatedAt": [b"20990101000000Z"]})
        checked.fill_again()
        checked.client.drain()
    corrupt(checked.journal.engine, CORRUPTIONS["a row is missing"], "2")
    assert checked.run("--repair").exit_code == 0
    checked.client.drain()  # which checks that no version goes back
    assert checked.uids() == {"ann", "bobby", "cid"}


def test_removals_that_are_held_back_wait_for_an_operator(checked: Checked) -> None:
    """--repair removes no more than `follow` would, and says whose removal waits."""
    for number in range(20):
        checked.people.add(f"{number + 10}", person(f"u{number}", updated=NOON))
    checked.fill_again()
    for number in range(20):
        checked.people.remove(f"{number + 10}")
    result = checked.run("--repair")
    assert (result.exit_code, "removals held back: 20" in result.output) == (1, True), result.output
    assert len(checked.journal.living()) == 23
