"""The doctor tells what is wrong with a journal, with what fills it, and what is behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from flask_gluu_changes import BackendUnavailable, ChangesQuery, Entry, Finding
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.follower import Follower
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.tables import COMMITS, STATE, now
from flask_gluu_changes.journal.view import source_under
from flask_gluu_changes.journal.writer import SECOND
from flask_gluu_changes.model import Level
from flask_gluu_changes.settings.base import Settings
from flask_gluu_changes.testing import LONG_AGO
from tests.support.apps import PEOPLE, make_app
from tests.support.journals import Journal, memory_engine

FILLED = source_under("test", Settings.load({}).digest)
"""As the default settings fill it."""


@pytest.fixture
def filled() -> Iterator[Journal]:
    """A journal that is well."""
    journal = Journal(memory_engine())
    journal.put("a")
    journal.backend.source = MemoryBackend(PEOPLE)
    _set(journal, source=FILLED)
    yield journal
    journal.backend.close()


def _set(journal: Journal, **values: Any) -> None:
    with journal.engine.begin() as connection:
        connection.execute(update(STATE).values(values))


def _worst(journal: Journal, **config: Any) -> list[Finding]:
    """Return all that is not well."""
    digest = Settings.load({f"GLUU_CHANGES_{k}": v for k, v in config.items()}).digest
    found = journal.backend.examine(ChangesQuery(LONG_AGO, settings_digest=digest))
    return [finding for finding in found if finding.level is not Level.OK]


def _only(journal: Journal, level: Level, **config: Any) -> Finding:
    (found,) = _worst(journal, **config)
    assert found.level is level, found
    return found


def test_a_journal_that_is_well(filled: Journal) -> None:
    """It says who fills it, how it is followed, and of what moment it is."""
    _set(filled, level="exact", why="a test writes it")
    filled.backend.source = _Exact()
    said = [found.what for found in filled.backend.examine(ChangesQuery(LONG_AGO))]
    assert said[0] == "a process fills the journal"
    assert said[1].startswith("the journal holds what the store held at 20")
    assert said[2:] == ["every change is told (a test writes it)", "the store answers with people"]


def test_nobody_fills_it(filled: Journal) -> None:
    """The doctor says since when, where the process ended without a word."""
    _set(filled, level="lagging", held_until=now() - 5 * SECOND)
    fault = _worst(filled)[0]
    assert fault.level is Level.FAULT
    assert fault.what.startswith("no process fills the journal since 20")
    assert "flask gluu-changes follow" in fault.advice
    _set(filled, held_until=0, holder="")
    assert _worst(filled)[0].what == "no process fills the journal"


@pytest.mark.parametrize(("level", "seconds"), [("exact", 70), ("lagging", 90)])
def test_it_was_not_confirmed_for_long(filled: Journal, level: str, seconds: int) -> None:
    """A store that is polled may take two of its intervals longer."""
    filled.backend.source = _Exact() if level == "exact" else MemoryBackend(PEOPLE)
    _set(filled, level=level, confirmed_at=now() - (seconds - 12) * SECOND)
    assert [f for f in _worst(filled) if f.level is Level.FAULT] == []
    _set(filled, confirmed_at=now() - seconds * SECOND)
    (fault,) = [f for f in _worst(filled) if f.level is Level.FAULT]
    assert fault.what.startswith(f"for {seconds} s the journal was not known to hold")
    _set(filled, confirmed_at=0)
    (fault,) = [f for f in _worst(filled) if f.level is Level.FAULT]
    assert "never known" in fault.what


def test_the_level_is_lagging(filled: Journal) -> None:
    """With the reason, and the settings that say how late."""
    _set(filled, level="lagging", why="no overlay")
    warning = _only(filled, Level.WARNING)
    assert warning.what.endswith("come late: no overlay")
    assert "GLUU_CHANGES_FOLLOW_SWEEP" in warning.advice


def test_the_settings_differ(filled: Journal) -> None:
    """Each key is named, and no value."""
    filled.backend.source = _Exact()
    fault = _only(filled, Level.FAULT, DENIED_ATTRIBUTES="mail", TIME_ATTRIBUTES="updatedAt")
    assert fault.what.endswith("503: GLUU_CHANGES_DENIED_ATTRIBUTES, GLUU_CHANGES_TIME_ATTRIBUTES")
    assert "restart" in fault.advice


def test_it_is_being_built(filled: Journal) -> None:
    """The doctor says for which line to wait."""
    filled.backend.source = _Exact()
    _set(filled, built=False)
    assert "`the first reading has ended`" in _only(filled, Level.FAULT).advice


def test_nothing_was_followed_yet(tmp_path: Path) -> None:
    """Before the first `follow`, and where the database is away; both say what to do."""
    backend = JournalBackend(f"sqlite:///{tmp_path}/none.db", source=MemoryBackend(PEOPLE))
    fault = next(iter(backend.examine(ChangesQuery(LONG_AGO))))
    assert (fault.level, fault.what) == (
        Level.FAULT,
        "nothing has been followed into the journal yet",
    )
    assert "run `flask gluu-changes follow`" in fault.advice
    backend.close()
    backend = JournalBackend(f"sqlite:///{tmp_path}/missing/none.db", source=MemoryBackend(PEOPLE))
    fault = next(iter(backend.examine(ChangesQuery(LONG_AGO))))
    assert "GLUU_CHANGES_JOURNAL_URL" in fault.advice
    backend.close()


def test_it_has_lost_its_last_commit(filled: Journal) -> None:
    """Clients get no token then."""
    filled.backend.source = _Exact()
    with filled.engine.begin() as connection:
        connection.execute(delete(COMMITS))
    assert "new-epoch" in _only(filled, Level.FAULT).advice


def test_the_source_is_examined_as_well(filled: Journal) -> None:
    """What it says comes last; without a source that is a warning."""
    filled.backend.source = None
    assert "source=…" in _only(filled, Level.WARNING).advice
    filled.backend.source = _Exact(people=())
    assert _only(filled, Level.WARNING).what.startswith("the store answers, but nobody")


class _Exact(MemoryBackend):
    """A store that can be followed exactly."""

    level = "exact"

    def __init__(self, people: Sequence[Entry] = PEOPLE) -> None:
        super().__init__(people)

    def follower(self, query: ChangesQuery) -> Follower:
        return self  # type: ignore[return-value]


def test_the_source_cannot_be_followed_as_it_was(filled: Journal) -> None:
    """It was exact: a restart of `follow` would void every token."""
    assert "void every token" in _only(filled, Level.FAULT).advice
    filled.backend.source = _Exact()
    assert _worst(filled) == []
    _set(filled, level="lagging", why="")
    assert "level exact by now" in _worst(filled)[-1].what


class _Away(MemoryBackend):
    """A store that answers nothing."""

    def examine(self, query: ChangesQuery) -> Iterator[Finding]:
        raise BackendUnavailable("away")

    def follower(self, query: ChangesQuery) -> Follower:
        raise BackendUnavailable("away")


@pytest.mark.parametrize("shape", ["bare"])
def test_a_store_that_is_away_hides_nothing_of_the_journal(filled: Journal, shape: str) -> None:
    """The command tells both."""
    filled.backend.source = _Away()
    result = (
        make_app(shape, filled.backend).test_cli_runner().invoke(args=["gluu-changes", "doctor"])
    )
    assert result.exit_code == 1
    assert "a process fills the journal" in result.output
    assert "fault    away\n" in result.output
    assert "GLUU_CHANGES_LDAP_URI" in result.output
