"""A server's changelog tells changes of other replicas before it has made them itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ldap
import pytest

from tests.support.filling import Journal
from tests.support.followed import People, filled
from tests.support.people import inum, people_ldif, person_dn

from .opendj import OpenDJ

PEOPLE = 1000
START, STEP = datetime(2024, 1, 1, tzinfo=UTC), timedelta(seconds=10)


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[People, People]]:
    """Two replicas of the same people; the first one has the changelog."""
    everybody = "".join(people_ldif(PEOPLE, start=START, step=STEP))
    first = OpenDJ(tmp_path / "first", changelog=True)
    first.load(everybody)
    with first:
        second = OpenDJ(tmp_path / "second", first=first)
        second.load(everybody)
        with second:
            yield People(first), People(second)


def test_what_is_written_to_another_replica(both: tuple[People, People], tmp_path: Path) -> None:
    """The first one is followed, the second one is written to, faster than the first one can."""
    first, second = both
    journal = Journal(tmp_path)
    with filled(journal, first) as filler:
        filler.built()
        for i in range(PEOPLE):
            second.admin.modify_s(person_dn(i), [(ldap.MOD_REPLACE, "mail", [b"%d@new" % i])])
        second.admin.delete_s(person_dn(0))
        filler.until(lambda: journal.rows()[inum(0)].removed == "deleted")
        bodies = journal.living()
        assert [i for i in range(1, PEOPLE) if b"%d@new" % i not in bodies[inum(i)]] == []
    journal.engine.dispose()
