"""One history, written to every store of people, gives the same bytes from each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from flask_gluu_changes import Backend, GluuChanges
from flask_gluu_changes.testing import Attributes
from flask_gluu_changes.testing import person as small_person
from tests.support.directory import Directory
from tests.support.mariadb import MariaDb
from tests.support.memory_people import MemoryPeople
from tests.support.people import generalized_time, person
from tests.support.personnel import PersonnelSystem
from tests.support.postgres import Postgres
from tests.support.relational import Relational
from tests.support.slapd import TIME_INDEXES, Slapd

START = datetime(2024, 5, 1, 12, 0, 0, 123_000, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PEOPLE = 30
ASKED = [START, START + 7 * SECOND, START + timedelta(hours=1), START + timedelta(days=1)]


def tell(store: Any) -> None:
    """Write the history: people come, change in every kind of value, and go."""
    for i in range(PEOPLE):
        written = dict(person(i, created=START + i * SECOND, updated=None))
        del written["objectClass"], written["inum"]
        store.add(f"{i:03}", written)
    for i, changes in enumerate(_changes()):
        updated = generalized_time(START + timedelta(hours=1, milliseconds=i))
        store.change(f"{i:03}", {"updatedAt": [updated], **changes})
    for i in range(20, PEOPLE, 3):
        store.remove(f"{i:03}")


def _changes() -> Iterator[Attributes]:
    yield {"gluuSLAManager": [b"TRUE"], "emailVerified": [b"FALSE"]}
    yield {"mail": [b"one@example.org"], "userPassword": [b"secret"]}
    yield {"mail": [], "l": ["Łódź \U0001f600 \\ \" '".encode()]}
    yield {"myIntegerCustomAttribute": [b"-2147483648"]}
    yield {"description": [b'{"json": ["as text"]}'], "jpegPhoto": [b"\xff\x00\xfe"]}
    yield {"memberOf": [b"inum=1,ou=groups,o=gluu", b"inum=2,ou=groups,o=gluu"]}
    yield {"uid": [b"AAA-first"], "oxLastLogonTime": [b"20240501120000Z"]}
    yield {"oxTrustEmail": [b'{"value": "a@b", "primary": true}'], "mobile": []}


def answers(backend: Backend) -> list[bytes]:
    """Ask for everything since several times, in one page and in small ones."""
    app = Flask("same")
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    app.config["GLUU_CHANGES_ATTRIBUTE_TYPES"] = {"myIntegerCustomAttribute": "numeric"}
    GluuChanges(app, backend=backend)
    client = app.test_client()
    pages = [(0, 100), *((start, 4) for start in range(0, PEOPLE, 4))]
    queries = [
        {"timeStamp": since.isoformat(), "start": start, "pagesize": size}
        for since in ASKED
        for start, size in pages
    ]
    path = "/identity/restv1/scim/UpdatedUsers"
    return [client.get(path, query_string=query).data for query in queries]


@pytest.fixture(scope="module")
def from_memory() -> list[bytes]:
    """What the store that has no types and no columns of its own answers."""
    people = MemoryPeople()
    tell(people)
    return answers(people.backend)


@pytest.fixture(params=["slapd", "sqlite", "postgresql", "mariadb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Each store of its own, empty."""
    with ExitStack() as started:
        if request.param == "slapd":
            server = started.enter_context(Slapd(tmp_path / "slapd", indexes=TIME_INDEXES))
            yield Directory(server)
            return
        url = f"sqlite:///{tmp_path}/people.sqlite"
        if request.param == "postgresql":
            url = started.enter_context(Postgres()).url
        elif request.param == "mariadb":
            url = started.enter_context(MariaDb()).url
        yield started.enter_context(closing(Relational(sa.create_engine(url))))


def test_every_store_gives_the_same_bytes(store: Any, from_memory: list[bytes]) -> None:
    """Order, types, times, secrets and pages are the feed's, whatever a store holds them in."""
    tell(store)
    assert answers(store.backend) == from_memory
    assert b"AAA-first" in from_memory[0]
    assert b"secret" not in from_memory[0]


def tell_in_six_columns(store: Any) -> None:
    """Write a history of what the example's exports hold; they give everybody both times."""
    for i in range(PEOPLE):
        created = START + i * SECOND
        store.add(f"{i:03}", small_person(f"user{i}", created=created, updated=created))
    for i in range(0, PEOPLE, 3):
        updated = generalized_time(START + timedelta(hours=1, seconds=i))
        mail = [b"one@example.org", b"two@example.org"]
        store.change(f"{i:03}", {"updatedAt": [updated], "mail": mail, "l": ["Łódź".encode()]})
    store.remove("004")


def test_the_exports_of_the_example_give_the_same_bytes(tmp_path: Path) -> None:
    """A backend that finds its changes by comparing files is no other to its clients."""
    exports, people = PersonnelSystem(tmp_path), MemoryPeople()
    for store in (exports, people):
        tell_in_six_columns(store)
    assert answers(exports.backend) == answers(people.backend)


def test_the_history_tells_something(from_memory: list[bytes]) -> None:
    """Each of the times gives another answer, and the last one nobody."""
    assert len(set(from_memory)) > len(ASKED)
    assert from_memory[-1].startswith(b'{"total":0,')
