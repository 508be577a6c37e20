"""`flask gluu-changes list` prints what the operation answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from flask_gluu_changes import BackendUnavailable, Entry
from flask_gluu_changes.backends.memory import MemoryBackend
from tests.support.apps import OPERATION, make_app, shape
from tests.support.failing import FailingBackend

__all__ = ["shape"]

SINCE = "2019-12-24T12:00:03-05:00"
BIG = 2**80
PEOPLE: list[Entry] = [
    {
        "uid": [f"u{i:02}"],
        "inum": [str(i)],
        "cn": ["Zoë\x1b[31m\u202e"],
        "cn;lang-de": ["Zoé"],
        "mail": ["a@example.org", "b@example.org"],
        "number": [BIG],
        "gluuSLAManager": ["TRUE"],
        "userPassword": ["not-shown"],
        "oxOTPDevices": ["not-shown"],
        "updatedAt": [b"20200101000000.123Z"],
    }
    for i in range(12)
]


@pytest.fixture
def app(shape: str) -> Flask:
    """An application that serves twelve people."""
    return make_app(shape, MemoryBackend(PEOPLE))


def run(app: Flask, *arguments: str) -> Result:
    """Run the command."""
    return app.test_cli_runner().invoke(args=["gluu-changes", "list", *arguments])


def answered(app: Flask, **query: Any) -> bytes:
    """Ask the operation."""
    answer = app.test_client().get(OPERATION, query_string={"timeStamp": SINCE, **query})
    assert answer.status_code == 200
    return bytes(answer.data)


def test_json_is_the_answer_to_the_byte(app: Flask) -> None:
    """With --format json, and without --attributes, nothing differs from the operation."""
    page = ("--start", "3", "--pagesize", "5")
    done = run(app, "--since", SINCE, "--format", "json", *page)
    assert (done.exit_code, done.stdout_bytes) == (0, answered(app, start=3, pagesize=5))
    assert json.loads(done.stdout_bytes)["total"] == 5


def test_without_a_page_it_is_the_largest(app: Flask) -> None:
    """The whole answer comes where it fits on one page; a time without matches gives none."""
    done = run(app, "--since", SINCE, "--format", "json")
    assert done.stdout_bytes == answered(app, pagesize=1000)
    later = "2030-01-01T00:00:00Z"
    done = run(app, "--since", later, "--format", "json")
    assert done.stdout_bytes == answered(app, timeStamp=later, pagesize=1000)


def test_attributes_narrow_the_json(app: Flask) -> None:
    """Named attributes alone are left, in any case, with options, and numbers stay exact."""
    chosen = ("--attributes", "UID,number,cn,nosuch,userPassword", "--pagesize", "1")
    page = json.loads(run(app, "--since", SINCE, "--format", "json", *chosen).stdout)
    assert page["total"] == 1
    assert page["latestUpdateAt"] == "2020-01-01T00:00:00.123Z"
    (entry,) = page["results"]
    assert entry == {
        "cn": PEOPLE[0]["cn"],
        "cn;lang-de": ["Zoé"],
        "number": [BIG],
        "uid": ["u00"],
    }


def test_the_table(app: Flask) -> None:
    """A table shows who changed and when; its last line is for the next call."""
    lines = run(app, "--since", SINCE, "--pagesize", "2").stdout.splitlines()
    assert lines[0].split() == ["uid", "inum", "updatedAt", "oxCreationTimestamp"]
    assert [line.split()[0] for line in lines[2:4]] == ["u00", "u01"]
    assert "2020-01-01T00:00:00.123Z" in lines[2]
    assert lines[-1] == "entries: 2, latest update at 2020-01-01T00:00:00.123Z"


def test_the_table_of_chosen_attributes(app: Flask) -> None:
    """Columns come in the order of --attributes, with all values, and none that are hidden."""
    done = run(app, "--since", SINCE, "--attributes", "mail,uid,gluuSLAManager,userPassword")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["mail", "uid", "gluuSLAManager", "userPassword"]
    assert lines[2].split() == ["a@example.org,", "b@example.org", "u00", "True"]
    assert "not-shown" not in done.output


def test_a_table_of_nobody(app: Flask) -> None:
    """Nobody is an empty table, and no error."""
    done = run(app, "--since", "2030-01-01T00:00:00Z")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1].startswith("entries: 0, latest update at 2030-01-01")


def test_a_name_cannot_command_the_terminal(app: Flask) -> None:
    """Control characters in values are shown escaped."""
    printed = run(app, "--since", SINCE, "--attributes", "cn").stdout
    assert "Zoë\\x1b[31m\\u202e" in printed
    assert "\x1b" not in printed


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--since"),
        (["--since", "yesterday"], "--since"),
        (["--since", SINCE, "--pagesize", "0"], "--pagesize"),
        (["--since", SINCE, "--pagesize", "1001"], "--pagesize"),
        (["--since", SINCE, "--start", "-1"], "--start"),
        (["--since", SINCE, "--format", "xml"], "--format"),
        (["--since", SINCE, "--attributes", " , "], "--attributes"),
    ],
)
def test_bad_input(app: Flask, arguments: list[str], named: str) -> None:
    """A wrong argument is named, with exit code 2."""
    done = run(app, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert named in done.stderr


def test_a_store_that_fails(shape: str) -> None:
    """The operator reads the reason as a sentence, and gets exit code 1, never half a page."""
    backend = FailingBackend(lambda: BackendUnavailable("the disk is gone"), "in the middle")
    done = run(make_app(shape, backend), "--since", SINCE)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "Error: the disk is gone\n"


def test_a_terminal_without_a_character_gets_it_escaped(shape: str) -> None:
    """A name that Latin-1 does not have does not end the command."""
    people: list[Entry] = [{"uid": ["łukasz 😀"], "inum": ["1"], "updatedAt": [b"20200101000000Z"]}]
    app = make_app(shape, MemoryBackend(people))
    runner = app.test_cli_runner(charset="latin-1")
    result = runner.invoke(args=["gluu-changes", "list", "--since", SINCE, "--attributes", "uid"])
    assert result.exit_code == 0, result.output
    assert "\\u0142ukasz \\U0001f600" in result.output
