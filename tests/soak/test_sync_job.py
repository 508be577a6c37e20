"""Ten SIGKILLs of `gluu-changes pull` while people are changed and deleted; then all is equal."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gluu_server import PATH, GluuServer
from tests.support.journals import close_engines as close_engines
from tests.support.journals import engine as engine
from tests.support.journals import journal as journal
from tests.support.sync_command import Synced
from tests.support.sync_command import synced as synced
from tests.support.sync_kills import PEOPLE, assert_equal, kill_often

pytestmark = pytest.mark.timeout(600)

SEEDS = os.environ.get("SEED", "").split() or [str(secrets.randbelow(10**6))]
KILLS = 10
each_database = pytest.mark.parametrize("database", ["sqlite", "postgres", "mariadb"])
each_seed = pytest.mark.parametrize("seed", SEEDS)


@pytest.fixture
def gluu(tmp_path: Path) -> Iterator[tuple[GluuServer, Synced]]:
    """A server that knows no tokens, and its replica."""
    with GluuServer() as server:
        assert isinstance(server, GluuServer)
        yield server, Synced(None, f"{server.url}{PATH}", tmp_path)


@each_database
@each_seed
def test_a_journal(
    synced: Synced, database: str, seed: str, request: pytest.FixtureRequest
) -> None:
    """By tokens."""
    journal = synced.journal
    journal.put(*map(str, range(PEOPLE)))

    def change(chance: random.Random) -> None:
        names = [str(chance.randrange(PEOPLE)) for _ in range(5)]
        journal.put(*names[:4], mail=f"{chance.random()}")
        if chance.random() < 0.3:
            journal.remove(names[4])

    if database != "sqlite":
        synced.move_into(request.getfixturevalue(database).url)
    print(f"seed {seed}")
    kill_often(synced, change, KILLS, seed)
    assert_equal(synced)


@each_database
@each_seed
def test_time_stamps(
    gluu: tuple[GluuServer, Synced], database: str, seed: str, request: pytest.FixtureRequest
) -> None:
    """By time stamps alone; deletions are found by the reading of everybody at the end."""
    server, synced = gluu
    inums = [server.create(f"{number}") for number in range(PEOPLE // 4)]

    def change(chance: random.Random) -> None:
        server.update(chance.choice(inums), mail=[f"{chance.random()}"])
        if chance.random() < 0.1:
            server.delete(inums.pop(chance.randrange(len(inums))))

    if database != "sqlite":
        synced.move_into(request.getfixturevalue(database).url)
    print(f"seed {seed}")
    kill_often(synced, change, KILLS, seed)
    assert synced.pull("--full").code == 0
    assert_equal(synced)
