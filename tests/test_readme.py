"""What the README says is so: its examples run, and its table lists every setting."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from example_app import create_app
from flask_gluu_changes import GluuChanges
from flask_gluu_changes.testing import NOON, person
from flask_gluu_changes.web.schemas import UpdatedUsersPageSchema
from tests.support.settings_table import README, inserted
from tests.support.slapd import Slapd

ROOT = README.parent
TEXT = README.read_text()
OPERATION = "/identity/restv1/scim/UpdatedUsers"
QUERY = {"timeStamp": "2019-12-24T12:00:03-05:00", "pagesize": "10"}


def blocks(language: str) -> list[str]:
    """Give the README's code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.S)


def run(code: str) -> dict[str, Any]:
    """Execute an example and give its names."""
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, str(README), "exec"), names)
    return names


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Slapd]:
    """A slapd that anybody may read, with one person."""
    with Slapd(tmp_path / "slapd") as server:
        classes = [b"gluuPerson", b"gluuCustomPerson"]
        entry = {**person("jane"), "inum": [b"1"], "objectClass": classes}
        modlist = [(name, list(values)) for name, values in entry.items()]
        server.connect().add_s(f"inum=1,{server.base_dn}", modlist)
        yield server


def test_the_table_lists_every_setting() -> None:
    """The table of settings is what the declarations say (else: python -m the module makes it)."""
    assert inserted(TEXT) == TEXT


def test_the_host_application(directory: Slapd) -> None:
    """The host application of the README, at most ten lines of it, serves a directory."""
    code = blocks("python")[0]
    statements = [line for line in code.splitlines() if line and not line.startswith("from ")]
    assert len(statements) <= 10
    names = run(code.replace("ldap://127.0.0.1:389", directory.uri))
    answer = names["app"].test_client().get(OPERATION, query_string=QUERY)
    assert [entry["uid"] for entry in answer.get_json()["results"]] == [["jane"]]


def test_the_custom_backend() -> None:
    """The custom backend of the README, at most fifteen lines of it, serves its people."""
    code = blocks("python")[1]
    assert len([line for line in code.splitlines() if line]) <= 15
    staff = {"1": {"inum": ["1"], **person("jane")}, "2": {"inum": ["2"], "uid": ["old"]}}
    app = Flask("readme")
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    GluuChanges(app, backend=run(code)["StaffBackend"](staff))
    answer = app.test_client().get(OPERATION, query_string=QUERY).get_json()
    assert [entry["uid"] for entry in answer["results"]] == [["jane"]]
    assert NOON.isoformat()[:19] == answer["latestUpdateAt"][:19]


def test_the_contract_of_the_custom_backend(tmp_path: Path) -> None:
    """The custom backend of the README keeps the contract, by the test that the README shows."""
    _, backend, contract = blocks("python")[:3]
    (tmp_path / "test_staff.py").write_text(backend + contract)
    command = [sys.executable, "-m", "pytest", "-q", "-Werror", "-p", "no:cacheprovider", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_the_command_line() -> None:
    """The command lines of the README are understood, and the example's people are well."""
    app = create_app(GLUU_CHANGES_ALLOW_BYPASS=True)
    lines = re.findall(r"^    flask (gluu-changes .*)$", TEXT, re.M)
    assert {line.split()[1] for line in lines} == {"list", "doctor"}
    for line in lines:
        done = app.test_cli_runner().invoke(args=line.split())
        assert done.exit_code == 0, done.output


def test_the_sample_answer() -> None:
    """The answer that the README shows is one that the schema allows."""
    assert UpdatedUsersPageSchema().validate(json.loads(blocks("json")[0])) == {}


def test_the_commands() -> None:
    """Every `make` target that the README names is in the Makefile."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"(?:`|^    )make ([\w-]+)", TEXT, re.M))
    assert {"demo", "test"} <= named <= targets


def test_the_links() -> None:
    """Links within the README lead to one of its headings."""
    headings = {
        re.sub(r"[^\w -]", "", h).lower().replace(" ", "-")
        for h in re.findall(r"^#+ (.*)$", TEXT, re.M)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", TEXT)) <= headings
