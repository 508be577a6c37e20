"""`flask gluu-changes status` says what readyz does, with the exit codes of Nagios."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import insert

from flask_gluu_changes import BackendUnavailable
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.journal.tables import HELD, now
from flask_gluu_changes.journal.writer import WriteBatch
from tests.support.apps import PEOPLE, make_app
from tests.support.failing import FailingBackend
from tests.support.journal_site import Site
from tests.support.journals import Journal

FORMATS = ("text", "json", "nagios")


def run(app: Flask, form: str) -> Result:
    """Run the command."""
    done = app.test_cli_runner().invoke(args=["gluu-changes", "status", "--format", form])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


def confirmed(journal: Journal) -> Site:
    """Serve a journal that was confirmed just now."""
    journal.put("a")
    journal.writer.commit(WriteBatch(confirmed_at=now()))
    return Site(journal)


@pytest.mark.parametrize(
    ("form", "printed"),
    [
        ("text", r"ready: yes\nlevel: exact \(a test writes it\)\nlast change: 1\nconfirmed: 0 s"),
        ("json", r'\{"status": "ok", "level": "exact", "head": 1, "built": true, "confirmedAt": "'),
        ("nagios", r"GLUU CHANGES OK - ready \| head=1c quarantined=0 held=0 confirmed_age=0s$"),
    ],
)
def test_all_is_well(form: str, printed: str, journal: Journal) -> None:
    done = run(confirmed(journal).app, form)
    assert done.exit_code == 0
    assert re.match(printed, done.output)


@pytest.mark.parametrize("form", FORMATS)
def test_removals_that_are_held_back_are_a_warning(form: str, journal: Journal) -> None:
    """Clients are answered, and somebody has to look."""
    site = confirmed(journal)
    with journal.engine.begin() as connection:
        held = {"id": "x", "inum": "", "reason": "deleted", "at": 1, "confirmed": False}
        connection.execute(insert(HELD).values(held))
    done = run(site.app, form)
    assert done.exit_code == 1
    assert re.search(r"removals held back: 1|heldRemovals\": 1", done.output)
    assert form == "text" or "warning" in done.output.lower()


@pytest.mark.parametrize("form", FORMATS)
def test_a_journal_that_nobody_confirms_is_critical(form: str, journal: Journal) -> None:
    done = run(Site(journal).app, form)
    assert done.exit_code == 2
    assert "the journal was confirmed never" in done.output
    assert form != "json" or json.loads(done.output)["failed"] == "confirmed"


@pytest.mark.parametrize("form", FORMATS)
def test_a_store_without_a_journal(form: str) -> None:
    """Is ready where it answers."""
    assert run(make_app("bare", MemoryBackend(PEOPLE)), form).exit_code == 0
    away = FailingBackend(lambda: BackendUnavailable("a | b\nc"), "at the call")
    done = run(make_app("bare", away), form)
    assert done.exit_code == 2
    assert form != "nagios" or done.output == (
        "GLUU CHANGES CRITICAL - the check store fails: a / b c\n"
    )
