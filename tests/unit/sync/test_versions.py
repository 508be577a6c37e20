"""A version that goes back, as a cluster that lost commits may tell it, undoes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import pytest

from flask_gluu_changes.client import Change
from flask_gluu_changes.sync.database import IN_MEMORY, Database
from flask_gluu_changes.sync.outcome import Outcome
from flask_gluu_changes.sync.run import Job, Rules
from flask_gluu_changes.sync.state import State
from tests.support.told import Told


class Kept:
    """A target that remembers the content of each identity; None of those who are gone."""

    def __init__(self) -> None:
        self.people: dict[str, str | None] = {}

    def apply(self, changes: Sequence[Change]) -> None:
        """Take what there is."""
        for change in changes:
            self.people[change.id] = change.attributes.get("mail", [None])[0]

    def close(self) -> None:
        """Do nothing."""


def told(version: int, mail: str) -> Change:
    return Change("1", version, "updated", "inum-1", {"mail": [mail]})


def gone(version: int) -> Change:
    return Change("1", version, "removed", "inum-1", {}, "deleted")


@pytest.mark.parametrize(
    ("changes", "mail"),
    [
        ([told(5, "new"), told(3, "old")], "new"),
        ([told(5, "new"), gone(3)], "new"),
        ([told(5, "new"), gone(6), told(4, "old")], None),
        ([told(5, "new"), gone(6), told(7, "again")], "again"),
        ([told(5, "new"), told(5, "new")], "new"),
    ],
)
def test_what_has_the_highest_version_stays(changes: list[Change], mail: str | None) -> None:
    """Whether somebody is told of anew or removed, in runs of changes."""
    source, target = Told(), Kept()
    with closing(Database(IN_MEMORY, "job").open()) as database:
        state = State(database, "job")
        state.prepare()
        job = Job(source, state, [target], Rules())
        for change in changes:
            source.changes = [change]
            job.run(Outcome())
    assert target.people == {"1": mail}
