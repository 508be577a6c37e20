"""A job that is killed leaves nothing wrong behind, in any database; `make soak` does it longer."""

from __future__ import annotations

import random

import pytest

from tests.support.mariadb import MariaDb
from tests.support.postgres import Postgres
from tests.support.sync_command import Synced
from tests.support.sync_kills import PEOPLE, assert_equal, kill_often

pytestmark = pytest.mark.timeout(110)

KILLS = 3


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def anywhere(synced: Synced, request: pytest.FixtureRequest) -> Synced:
    """A replica in each of the databases."""
    if request.param == "postgresql":
        server: Postgres | MariaDb = request.getfixturevalue("postgres")
        synced.move_into(server.url)
    elif request.param == "mariadb":
        synced.move_into(request.getfixturevalue("mariadb").url)
    return synced


def test_killed_runs_leave_nothing_wrong(anywhere: Synced) -> None:
    """Whatever they were doing: the next one goes on, and table, index and source are equal."""
    anywhere.journal.put(*map(str, range(PEOPLE)))

    def change(chance: random.Random) -> None:
        names = [str(chance.randrange(PEOPLE)) for _ in range(5)]
        anywhere.journal.put(*names[:4], mail=f"{chance.random()}")
        if chance.random() < 0.3:
            anywhere.journal.remove(names[4])

    kill_often(anywhere, change, KILLS, "short")
    assert_equal(anywhere)
