"""What a server tells by times alone is read as well as that can be done."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from flask_gluu_changes.client import (
    ChangesMisconfigured,
)
from flask_gluu_changes.sync.time_stamps import TimeStampSource
from tests.support.gluu_server import GluuServer, JanssenServer
from tests.support.time_replica import TimeReplica

pytestmark = pytest.mark.timeout(60)

DAY = 86_400


def test_a_server_that_gives_less_than_it_is_asked_for(server: GluuServer) -> None:
    """A short page is not the end."""
    for number in range(50):
        server.create(f"u{number:02}")
    server.most = 7
    replica = TimeReplica(server, count=200)
    replica.run()
    assert len(replica.people) == 50


@pytest.mark.parametrize("people", range(14))
def test_no_number_of_people_is_odd(people: int) -> None:
    """From none to several pages, each run ends, and tells everybody."""
    server = GluuServer()
    for number in range(people):
        server.create(f"u{number:02}")
    for count in (2, 3, 5, 6, 200):
        replica = TimeReplica(server, count=count)
        batches = replica.run()
        assert len(replica.people) == people
        assert [batch.first for batch in batches] == [True] + [False] * (len(batches) - 1)
        assert [batch.complete for batch in batches] == [False] * (len(batches) - 1) + [True]


def test_both_spellings_of_the_size_are_sent(server: GluuServer, replica: TimeReplica) -> None:
    """Gluu reads the one, its documents name the other."""
    replica.run()
    assert server.asked == [
        {"timeStamp": "1970-01-01T00:00:00Z", "start": "0", "pageSize": "2", "pagesize": "2"}
    ]


def test_janssen_has_names_of_its_own() -> None:
    """For the time of creation."""
    server = JanssenServer()
    server.create("a")
    server.pass_by(DAY // 2)
    replica = TimeReplica(server)
    server.create("b")
    replica.run()
    server.pass_by(60)
    (batch, *_) = replica.run()
    assert [change.inum for change in batch.changes] == ["inum-2"]


def test_people_who_changed_at_one_moment_are_not_read_for_ever(server: GluuServer) -> None:
    """An hour later they are left behind, though nobody changed since."""
    for number in range(20):
        server.create(f"u{number}")
    replica = TimeReplica(server)
    replica.run()
    server.pass_by(3500)
    replica.run()
    assert replica.source.read(replica.position, full=False)
    server.pass_by(500)
    replica.run()
    (batch,) = replica.run()
    assert batch.changes == []


def test_what_has_not_changed_is_the_same_again(server: GluuServer) -> None:
    """Values that Gluu types by best effort are told alike each time, so content can be compared.

    Texts that look like times, large numbers, and octets among them.
    """
    odd: dict[str, Any] = {
        "displayName": ["20240101000000Z"],
        "myIntegerCustomAttribute": ["12", str(2**40)],
        "userCertificate": [b"\x30\x82\xff"],
        "oxTrustActive": ["TRUE"],
    }
    inum = server.create("a", **odd)
    replica = TimeReplica(server)
    replica.run()
    replica.run()
    assert replica.told == 1
    person = replica.people[inum]
    assert person["displayName"] == ["2024-01-01T00:00:00Z"]
    assert person["myIntegerCustomAttribute"] == [12, str(2**40)]
    assert person["oxTrustActive"] == [True]


def test_attributes_are_chosen_by_the_client(server: GluuServer) -> None:
    """Gluu cannot; the inum and the times are read nonetheless."""
    server.create("a", mail=["a"], sn=["a"])
    replica = TimeReplica(server, attributes=["UID", "mail"], excluded=["Mail"])
    replica.run()
    replica.run()
    assert replica.people == {"inum-1": {"uid": ["a"]}}


def test_runs_that_wait_are_some_time_apart(server: GluuServer) -> None:
    """The server cannot wait, so the client does; the first one begins at once."""
    replica = TimeReplica(server, interval=30)
    began = server.now
    for _ in range(3):
        list(replica.source.read("", full=False, wait=30))
    assert (server.now - began).total_seconds() == 60


def test_a_clock_that_was_set_back_makes_a_full_reading_due(server: GluuServer) -> None:
    """Rather one too many than none for years."""
    replica = TimeReplica(server)
    replica.run()
    server.pass_by(-10 * DAY)
    (batch,) = replica.run()
    assert batch.full


def test_no_credentials_go_over_a_network_unencrypted() -> None:
    """Unless told otherwise."""
    http = httpx.Client(auth=("user", "s3cret-word"))
    with pytest.raises(ChangesMisconfigured):
        TimeStampSource("http://gluu.test/", http=http)
    TimeStampSource("http://gluu.test/", http=http, insecure_http=True)
