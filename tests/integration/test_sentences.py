"""What an operator has to mend is one sentence, in every command and without a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import FlaskGroup

from flask_gluu_changes import Backend, GluuChanges
from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.journal.backend import JournalBackend

COMMANDS = {
    "list": ["list", "--since", "2020-01-01T00:00:00Z"],
    "doctor": ["doctor"],
    "follow": ["follow"],
    "verify": ["verify"],
    "repair": ["verify", "--repair"],
    "new-epoch": ["new-epoch"],
}
WRONG: dict[str, Any] = {
    "FOLLOW_INTERVAL": "abc",
    "NO_SUCH": "1",
    "JOURNAL_URL": "nonsense",
    "RETENTION_DAYS": "0",
    "TOKEN_SECRET": "",
}


def _app(backend: Backend | None = None, **settings: Any) -> Flask:
    app = Flask("host")
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    app.config.update({f"GLUU_CHANGES_{n}": v for n, v in settings.items()})
    if backend is None:
        app.config.setdefault("GLUU_CHANGES_JOURNAL_URL", "sqlite://")
        backend = JournalBackend.from_config(app.config, source=MemoryBackend())
    GluuChanges(app, backend=backend)
    return app


def _said(result: Result) -> str:
    """Return the sentence, which is all that is said."""
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    return line


@pytest.mark.parametrize("key", WRONG)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_setting_while_the_application_is_made(command: str, key: str) -> None:
    """The command cannot even begin; the key is named."""
    flask = FlaskGroup(create_app=lambda: _app(**{key: WRONG[key]}), load_dotenv=False)
    result = CliRunner().invoke(flask, ["gluu-changes", *COMMANDS[command]])
    assert f"GLUU_CHANGES_{key}" in _said(result)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_backend_of_the_host_that_is_set_wrong(command: str) -> None:
    """It is made before the extension hears of it."""
    flask = FlaskGroup(create_app=lambda: _app(LdapBackend.from_config({})), load_dotenv=False)
    result = CliRunner().invoke(flask, ["gluu-changes", *COMMANDS[command]])
    assert "GLUU_CHANGES_LDAP_URI is missing" in _said(result)


@pytest.mark.parametrize("command", ["verify", "repair", "new-epoch", "list"])
def test_a_journal_that_cannot_be_reached(command: str, tmp_path: Path) -> None:
    """Nothing waits for it but `follow`."""
    app = _app(JOURNAL_URL=f"sqlite:///{tmp_path}/missing/journal.db", TOKEN_SECRET="of the tests")
    result = app.test_cli_runner().invoke(args=["gluu-changes", *COMMANDS[command]])
    assert "unable to open database file" in _said(result)


@pytest.mark.parametrize("command", ["verify", "repair", "follow"])
def test_a_journal_without_a_source(command: str) -> None:
    """The sentence says how it is passed."""
    app = _app(JournalBackend("sqlite://"), TOKEN_SECRET="of the tests")
    result = app.test_cli_runner().invoke(args=["gluu-changes", *COMMANDS[command]])
    assert "source=" in _said(result)


def test_the_doctor_names_what_is_wrong_in_groups_that_are_not_used() -> None:
    """A key of a store that another process uses, and a journal that is not served."""
    app = _app(MemoryBackend(), SQL_URL="sqlite://", SQL_CONNECT_TIMEOUT="soon", JOURNAL_URL="x")
    result = app.test_cli_runner().invoke(args=["gluu-changes", "doctor"])
    assert result.exit_code == 1
    assert "fault    GLUU_CHANGES_SQL_CONNECT_TIMEOUT must be" in result.output
    assert "do: correct GLUU_CHANGES_SQL_CONNECT_TIMEOUT in" in result.output
    assert "the application serves none" in result.output
