"""What differs between databases: undoing, locks, and what they refuse."""

from __future__ import annotations

import json
import subprocess

import pytest

from flask_gluu_changes.journal.writer import WriteBatch
from tests.support.sync_command import Synced, script

TABLES = {
    "postgres": "SELECT tablename FROM pg_tables WHERE tablename LIKE 'dry%'",
    "mariadb": "SHOW TABLES LIKE 'dry%'",
}


@pytest.fixture(params=["postgres", "mariadb"])
def on_server(synced: Synced, request: pytest.FixtureRequest) -> tuple[Synced, str]:
    """A replica on a server, and the server's kind."""
    synced.into = request.getfixturevalue(request.param).url
    return synced, request.param


def test_a_dry_run_leaves_no_table(on_server: tuple[Synced, str]) -> None:
    """Also where the making of tables cannot be undone."""
    synced, kind = on_server
    synced.journal.put("a")
    assert synced.pull("--dry-run", "--table", "dry").code == 0
    assert synced.rows(TABLES[kind]) == []


def test_what_a_database_refuses_is_set_aside(on_server: tuple[Synced, str]) -> None:
    """An inum that is longer than its column; the others are there."""
    synced, _ = on_server
    synced.journal.put("a", "b")
    batch = WriteBatch()
    batch.put(synced.journal.identity("long", {"inum": ["x" * 256], "uid": ["long"]}))
    synced.journal.writer.commit(batch)
    words = ("--table", "refusing")
    done = synced.pull(*words)
    assert done.code == 4, done.err
    assert synced.rows("SELECT id FROM refusing ORDER BY id") == [("a",), ("b",)]
    told = json.loads(synced.command("status", "--json", *words).out)["own"]
    assert [one["id"] for one in told["set_aside"]] == ["long"]


def test_a_second_run_ends_at_once(on_server: tuple[Synced, str]) -> None:
    """By the server's own lock, which goes with its session."""
    synced, _ = on_server
    reading, going = synced.folder / "reading", synced.folder / "going"
    subprocess.run(["mkfifo", reading, going], check=True)
    hook = f"sh -c 'echo > {reading}; cat {going}'"
    synced.journal.put("a")
    words = ["pull", synced.url, "--table", "locked"]
    with subprocess.Popen([*script(), *words, "--exec", hook], env=synced.environment) as first:
        reading.read_text()
        assert synced.pull("--table", "locked").code == 75
        going.write_text("")
        assert first.wait(60) == 0
    assert synced.pull("--table", "locked").code == 0
