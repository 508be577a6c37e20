"""Workers that are forked from an application in use get all their answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from flask_gluu_changes.journal.tables import METADATA, open_engine
from flask_gluu_changes.journal.writer import EXACT, WriteBatch
from flask_gluu_changes.settings.base import Settings
from flask_gluu_changes.testing import person
from tests.support.apps import OPERATION
from tests.support.journals import Journal
from tests.support.mariadb import MariaDb
from tests.support.markers import TOKEN_SECRET
from tests.support.nodes import Node
from tests.support.paths import ROOT
from tests.support.postgres import Postgres
from tests.support.processes import HOST
from tests.support.relational import Relational

pytestmark = pytest.mark.timeout(120)

ASKED = 20

CHILDREN = """
import multiprocessing, sys
from flask_gluu_changes import ChangesQuery
from flask_gluu_changes.backends.sql import SqlBackend
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.testing import LONG_AGO
people, journal = SqlBackend(sys.argv[1]), JournalBackend(sys.argv[1])

def read(times):
    for _ in range(times):
        assert len(list(people.changes(ChangesQuery(LONG_AGO)))) == 1
        assert len(journal.read_slice(None, 5).entries) == 1

read(2)
context = multiprocessing.get_context("fork")
children = [context.Process(target=read, args=(20,)) for _ in range(3)]
for child in children:
    child.start()
read(20)
for child in children:
    child.join()
assert [child.exitcode for child in children] == [0, 0, 0]
read(2)
"""


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database in a file, and in each server."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'both.db'}"
    server: Postgres | MariaDb = request.getfixturevalue(request.param)
    return server.url


def test_children_of_multiprocessing_read_what_their_parent_reads(url: str) -> None:
    """At the same time as it, and nobody loses an answer."""
    people = Relational(sa.create_engine(url))
    people.add("1", person("a"))
    journal = Journal(open_engine(url))
    journal.put("a")
    people.engine.dispose()
    journal.engine.dispose()
    command = [sys.executable, "-c", CHILDREN, url]
    subprocess.run(command, check=True, cwd=ROOT, timeout=100)
    METADATA.drop_all(journal.engine)
    journal.backend.close()
    people.close()


def test_workers_that_gunicorn_forks_from_an_application_in_use_answer(
    tmp_path: Path, postgres: Postgres
) -> None:
    """All of them, from a journal in PostgreSQL, each time on a new connection."""
    journal = Journal(open_engine(postgres.url))
    journal.writer.follow(f"test as {Settings.load({}).digest}", EXACT, "a test writes it")
    journal.writer.commit(WriteBatch(built=True))
    journal.put("a")
    settings = {
        "FLASK_GLUU_CHANGES_LDAP_URI": "ldap://127.0.0.1",
        "FLASK_GLUU_CHANGES_JOURNAL_URL": postgres.url,
        "FLASK_SECRET_KEY": TOKEN_SECRET,
        "FLASK_FIRST_QUERY": "cursor=",
    }
    preloaded = "tests.support.preloaded:create_app()"
    with Node(settings, "--preload", "--workers", "3", application=preloaded) as node:
        url = f"http://{HOST}:{node.port}"
        asked = [httpx.get(f"{url}{OPERATION}?cursor=") for _ in range(ASKED)]
        workers = {httpx.get(f"{url}/worker").text for _ in range(ASKED)}
    assert len(workers) > 1
    assert {answer.status_code for answer in asked} == {200}
    METADATA.drop_all(journal.engine)
    journal.backend.close()
