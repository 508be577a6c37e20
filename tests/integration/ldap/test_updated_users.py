"""Gluu's own UpdatedUsersTest, told again against slapd, in pages of several sizes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from flask_gluu_changes.testing import MILLISECOND, NOON, person, time_octets
from tests.support.directory import Directory, client_of

OPERATION = "/identity/restv1/scim/UpdatedUsers"
PEOPLE = 210
NAMES = [f"user{i:03}" for i in range(PEOPLE)]


@pytest.fixture
def client(directory: Directory) -> FlaskClient:
    """A client of an app that serves the directory."""
    return client_of(directory.backend)


@pytest.fixture(params=[1, 7, 200])
def size(request: pytest.FixtureRequest) -> int:
    """Entries on a page."""
    return int(request.param)


def iso(moment: datetime) -> str:
    """Write a time as a client does."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def walk(client: FlaskClient, since: str, size: int) -> list[dict[str, Any]]:
    """Ask for page after page until an empty one; check what each says of itself."""
    people: list[dict[str, Any]] = []
    while True:
        query = {"timeStamp": since, "start": str(len(people)), "pagesize": str(size)}
        answer = client.get(OPERATION, query_string=query)
        page = answer.get_json()
        assert answer.status_code == 200, page
        assert page["total"] == len(page["results"])
        if not page["results"]:
            assert page["latestUpdateAt"] == since
            return people
        people += page["results"]


def uids(people: list[dict[str, Any]]) -> list[str]:
    """Give the uids in the order of the answer."""
    return [entry["uid"][0] for entry in people]


def test_every_person_created_since_the_ith(
    directory: Directory, client: FlaskClient, size: int
) -> None:
    """Asked since the creation of the i-th of N people, N - i are listed: exactly those."""
    for i, name in enumerate(NAMES):
        directory.add(name, person(name, created=NOON + i * MILLISECOND))
    for i in (0, 1, 104, PEOPLE - 1):
        found = walk(client, iso(NOON + i * MILLISECOND), size)
        assert uids(found) == NAMES[i:]
    assert walk(client, iso(NOON + PEOPLE * MILLISECOND), size) == []


def test_two_updated_people(directory: Directory, client: FlaskClient, size: int) -> None:
    """After A and then B are updated, asking since A's update lists A and B and nobody else."""
    for name in NAMES[:20]:
        directory.add(name, person(name))
    later = NOON + timedelta(hours=1)
    directory.change(NAMES[11], {"updatedAt": [time_octets(later)]})
    directory.change(NAMES[4], {"updatedAt": [time_octets(later + timedelta(seconds=2))]})
    assert uids(walk(client, iso(later), size)) == [NAMES[4], NAMES[11]]


def test_order_is_by_uid_over_the_whole_result(
    directory: Directory, client: FlaskClient, size: int
) -> None:
    """People come in order of uid, whatever its case, over all pages; equal uids by inum."""
    for inum, uid in [("5", "bob"), ("4", "Carl"), ("3", "anna"), ("2", "BOB"), ("1", "Émile")]:
        directory.add(inum, person(uid))
    order = [(entry["uid"][0], entry["inum"][0]) for entry in walk(client, iso(NOON), size)]
    assert order == [("anna", "3"), ("BOB", "2"), ("bob", "5"), ("Carl", "4"), ("Émile", "1")]


def test_latest_update_counts_creation(directory: Directory, client: FlaskClient) -> None:
    """A page of people who were only created moves the client on."""
    directory.add("1", person("a", created=NOON + 7 * MILLISECOND))
    directory.add("2", person("b", created=NOON, updated=NOON + 3 * MILLISECOND))
    query = {"timeStamp": iso(NOON), "pagesize": "1"}
    pages = [client.get(OPERATION, query_string={**query, "start": i}).json for i in (0, 1)]
    assert [page["latestUpdateAt"] for page in pages if page] == [
        "2024-05-01T12:00:00.507Z",
        "2024-05-01T12:00:00.503Z",
    ]


def test_edits_by_ldap_tools_count_where_asked_for(directory: Directory) -> None:
    """With modifyTimestamp among the times, an edit that sets no updatedAt is seen."""
    times = ["updatedAt", "oxCreationTimestamp", "modifyTimestamp"]
    client = client_of(directory.backend, TIME_ATTRIBUTES=times)
    directory.add("1", person("a"))
    before = datetime.now(UTC)
    directory.change("1", {"cn": [b"another"]})
    (found,) = walk(client, iso(before), 10)
    assert found["cn"] == ["another"]
    assert found["modifyTimestamp"][0] >= iso(before)[:19]
