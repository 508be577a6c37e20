"""The LDAP backend over OpenDJ, the directory server of Gluu."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import ldap
import pytest

from flask_gluu_changes import AttributeType, BackendUnavailable, ChangesQuery
from flask_gluu_changes.backends.ldap import LdapBackend
from tests.support.people import inum, people_ldif, person_dn

from .opendj import OpenDJ

PEOPLE = 1000
START = datetime(2024, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenDJ]:
    """A running OpenDJ with people."""
    server = OpenDJ(tmp_path_factory.mktemp("opendj"))
    server.load("".join(people_ldif(PEOPLE, start=START, step=STEP)))
    with server:
        yield server


@pytest.fixture
def backend(server: OpenDJ) -> Iterator[LdapBackend]:
    """A backend that reads as the reader, and is closed."""
    backend = LdapBackend.from_config(server.settings())
    yield backend
    backend.close()


def inums(backend: LdapBackend, since: datetime) -> set[str]:
    found = [entry["inum"][0] for entry in backend.changes(ChangesQuery(since))]
    assert len(found) == len(set(found))
    return {value.decode() for value in found if isinstance(value, bytes)}


def test_a_thousand_people_are_read(backend: LdapBackend) -> None:
    """All of them, each once, with the values that were loaded."""
    assert inums(backend, START) == {inum(i) for i in range(PEOPLE)}
    first = min(backend.changes(ChangesQuery(START)), key=lambda entry: str(entry["uid"]))
    assert first["uid"] == [b"user0000000"]
    assert first["gluuSLAManager"] == [b"TRUE"]
    assert first["updatedAt"] == [b"20240101000000.500Z"]


def test_the_bound_is_inclusive(backend: LdapBackend) -> None:
    """Who was created at the very time counts, and who was a moment earlier does not."""
    since = START + 900 * STEP
    assert inums(backend, since) == {inum(i) for i in range(900, PEOPLE)}
    later = since + timedelta(milliseconds=501)
    assert inums(backend, later) == {inum(i) for i in range(901, PEOPLE)}


def test_types_come_from_its_schema(backend: LdapBackend) -> None:
    """OpenDJ publishes Gluu's attributes with the syntaxes that they were defined with."""
    assert backend.attribute_type("updatedAt") is AttributeType.GENERALIZED_TIME
    assert backend.attribute_type("gluuSLAManager") is AttributeType.BOOLEAN


def test_a_change_is_found(server: OpenDJ, backend: LdapBackend) -> None:
    """Written over LDAP, read by the next search."""
    change = [(ldap.MOD_REPLACE, "updatedAt", [b"20300101000000.000Z"])]
    server.connect().modify_s(person_dn(7), change)
    assert inums(backend, datetime(2030, 1, 1, tzinfo=UTC)) == {inum(7)}


def test_a_restart_of_the_server_costs_no_restart_of_the_backend(
    server: OpenDJ, backend: LdapBackend
) -> None:
    """While it is down the backend says so; afterwards it answers."""
    assert len(inums(backend, START)) == PEOPLE
    server.stop()
    with pytest.raises(BackendUnavailable):
        inums(backend, START)
    server.start()
    assert len(inums(backend, START)) == PEOPLE
