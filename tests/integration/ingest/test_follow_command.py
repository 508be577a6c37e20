"""`flask gluu-changes follow`, as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from flask_gluu_changes import Backend, GluuChanges
from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.testing import person
from tests.support.directory import config_of
from tests.support.filling import Filler, Journal
from tests.support.followed import People, filled
from tests.support.markers import TOKEN_SECRET

COMMAND = [sys.executable, "-m", "flask", "--app", "benchmarks.app", "gluu-changes", "follow"]


@contextmanager
def following(journal: Journal, people: People) -> Iterator[subprocess.Popen[str]]:
    """Run the command on a directory."""
    environment = {
        "FLASK_SECRET_KEY": TOKEN_SECRET,
        "FLASK_GLUU_CHANGES_JOURNAL_URL": journal.url,
        "FLASK_GLUU_CHANGES_LDAP_URI": people.server.uri,
        "FLASK_GLUU_CHANGES_LDAP_BIND_DN": people.server.reader_dn,
        "FLASK_GLUU_CHANGES_LDAP_BIND_PASSWORD": people.server.reader_password,
    }
    process = subprocess.Popen(
        COMMAND, env=os.environ | environment, stderr=subprocess.PIPE, text=True
    )
    with process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(
    people: People, journal: Journal, number: signal.Signals
) -> None:
    """Exit code 0, and the lease is given back."""
    people.add("1", person("ann"))
    waiting = Filler(journal, people.backend)  # not started: only its patience is needed
    with following(journal, people) as process:
        waiting.until(lambda: journal.state().built)
        assert journal.state().holder != ""
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    waiting.stop.close()
    assert (process.returncode, journal.state().holder) == (0, "")
    assert "first reading" in said
    assert "1" in journal.living()


def test_without_a_journal_it_says_what_to_set() -> None:
    """One sentence, no traceback."""
    app = Flask("host")
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    GluuChanges(app, backend=MemoryBackend())
    result = app.test_cli_runner().invoke(args=["gluu-changes", "follow"])
    assert result.exit_code == 1
    assert "GLUU_CHANGES_JOURNAL_URL is missing" in result.output


def renewed(journal: Journal, backend: Backend | None = None, **settings: Any) -> Result:
    """Run `new-epoch` on a journal."""
    app = Flask("host")
    keys = {"PROTECTION": "bypass", "JOURNAL_URL": journal.url, **settings}
    app.config.update(TESTING=True, **{f"GLUU_CHANGES_{name}": key for name, key in keys.items()})
    GluuChanges(app, backend=backend or MemoryBackend())
    return app.test_cli_runner().invoke(args=["gluu-changes", "new-epoch"])


def test_a_new_epoch(people: People, journal: Journal) -> None:
    """Nothing is answered before everybody was read again; versions go on."""
    people.add("1", person("ann"))
    with filled(journal, people) as filler:
        filler.built()
    epoch, version = journal.state().epoch, journal.rows()["1"].version
    assert renewed(journal).exit_code == 0
    assert not journal.state().built
    assert journal.state().epoch != epoch
    with filled(journal, people) as filler:
        filler.built()
        assert journal.rows()["1"].version > version


def test_no_new_epoch_under_settings_that_cannot_hold(people: People, journal: Journal) -> None:
    """`follow` could not read anybody after it; a directory that is away is no such setting."""
    people.add("1", person("ann"))
    with filled(journal, people) as filler:
        filler.built()
    result = renewed(journal, people.backend, TIME_ATTRIBUTES=["updatedat"])
    assert (result.exit_code, journal.state().built) == (1, True)
    assert "spell it updatedAt" in result.output
    away = LdapBackend.from_config(config_of(people.server, LDAP_URI="ldap://127.0.0.1:1"))
    assert renewed(journal, away).exit_code == 0


def test_no_new_epoch_while_the_journal_is_filled(people: People, journal: Journal) -> None:
    """One sentence says what to do first."""
    with filled(journal, people) as filler:
        filler.built()
        epoch, result = journal.state().epoch, renewed(journal)
        assert journal.state().epoch == epoch
    assert result.exit_code == 1
    assert "stop it first" in result.output
