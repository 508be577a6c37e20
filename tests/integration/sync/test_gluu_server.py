"""`gluu-changes` follows a server that answers as Gluu's own does, over a real socket."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.gluu_server import PATH, GluuServer
from tests.support.sync_command import Done, run_command
from tests.support.time_replica import TimeReplica

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def gluu() -> Iterator[GluuServer]:
    """A server with thirty people."""
    with GluuServer() as server:
        assert isinstance(server, GluuServer)
        for number in range(30):
            server.create(f"u{number:02}", sn=[f"name {number}"])
            server.pass_by(60)
        yield server


class Copy:
    """A table of people that the command keeps."""

    def __init__(self, server: GluuServer, folder: Path) -> None:
        self.server = server
        self._folder = folder

    def pull(self, *words: object) -> Done:
        """Pull into the table, with small pages."""
        return run_command(
            *("pull", f"{self.server.url}{PATH}", "--count", 7, *words),
            *("--report", self._folder / "report.json"),
            GLUU_SYNC_INTO=f"sqlite:///{self._folder / 'people.db'}",
        )

    def report(self) -> dict[str, Any]:
        """Return the report of the last run."""
        report: dict[str, Any] = json.loads((self._folder / "report.json").read_text())
        return report

    def people(self) -> dict[str, Any]:
        """Return everybody in the table by inum."""
        with closing(sqlite3.connect(self._folder / "people.db")) as connection:
            rows = connection.execute("SELECT inum, attributes FROM people").fetchall()
        return {inum: json.loads(body) for inum, body in rows}


@pytest.fixture
def copy(gluu: GluuServer, tmp_path: Path) -> Copy:
    """A place for the replica of the server."""
    return Copy(gluu, tmp_path)


def expected(server: GluuServer) -> dict[str, Any]:
    """Return everybody as the server shows them."""
    fresh = TimeReplica(server)
    fresh.run()
    return fresh.people


def test_everything_that_has_a_time_is_found_and_deletions_by_a_full_reading(
    gluu: GluuServer, copy: Copy
) -> None:
    """While somebody writes between two pages, and values are garbled as Gluu does."""
    inums = [*gluu.people]

    def write(answers: int) -> None:
        if answers == 4:  # after the probe and some pages
            for inum in inums[:3]:
                gluu.delete(inum)
            gluu.create("new", displayName=["20240101000000Z"])
            gluu.update(inums[20], mail=["changed"])

    gluu.between = write
    first = copy.pull()
    assert first.code == 0, first.err
    gluu.between = lambda _: None
    gluu.pass_by(60)
    assert copy.pull().code == 0
    there = copy.people()
    assert {inum: there[inum] for inum in gluu.people} == expected(gluu)
    assert copy.report()["level"] == "timestamps"
    gluu.delete(inums[10])
    gluu.edit(inums[11], mail=["by a tool"])
    done = copy.pull("--full")
    assert done.code == 0, done.err
    assert copy.people() == expected(gluu)
    assert copy.report()["full"]
    assert copy.pull().code == 0
    counts = copy.report()["counts"]
    assert (counts["created"], counts["updated"], counts["removed"]) == (0, 0, 0)
    assert counts["skipped"]


def test_a_server_that_has_lost_its_people_brakes_the_job(gluu: GluuServer, copy: Copy) -> None:
    """And one that answers 500 is not believed either."""
    assert copy.pull().code == 0
    people, gluu.people = gluu.people, {}
    done = copy.pull("--full")
    assert done.code == 3, done.err
    assert copy.report()["counts"]["held"] == 30
    assert len(copy.people()) == 30
    gluu.people = people
    assert copy.pull("--full").code == 0


def test_a_token_of_a_command_is_sent_and_a_refusal_is_one(gluu: GluuServer, copy: Copy) -> None:
    """With exit code 4, for an operator has to act."""
    gluu.token = "t0ken"
    refused = copy.pull()
    assert refused.code == 4
    assert "403: Invalid token" in refused.err
    assert copy.pull("--token-command", "echo t0ken").code == 0
    assert copy.report()["counts"]["known"] == 30


def test_the_flags_of_time_stamps(gluu: GluuServer, copy: Copy) -> None:
    """Tokens can be insisted on, and how often everybody is read can be chosen."""
    insisted = copy.pull("--tokens", "always")
    assert insisted.code == 4
    assert "400" in insisted.err
    for _ in range(2):
        assert copy.pull("--full-every", "0", "--overlap", "1h", "--tokens", "never").code == 0
        assert copy.report()["full"]
    since = [query["timeStamp"] for query in gluu.asked if "timeStamp" in query]
    assert set(since) == {"1970-01-01T00:00:00Z"}
