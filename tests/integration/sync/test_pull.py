"""`gluu-changes pull`: the table is what the source is, and no run does more than it has to."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.support.sync_command import Synced, run_command

pytestmark = pytest.mark.timeout(60)


def test_the_table_follows_the_source(synced: Synced) -> None:
    """Who is new, changed and gone; then nothing is left to do."""
    synced.journal.put("a", "b", "c", mail="old")
    assert synced.pull().code == 0
    assert synced.people() == synced.dump()
    synced.journal.put("b", "d", mail="new")
    synced.journal.remove("a")
    assert synced.pull().code == 0
    assert [*synced.people()] == ["b", "c", "d"]
    assert synced.people() == synced.dump()
    assert synced.pull().code == 0


def test_the_files_are_for_their_owner_alone(synced: Synced, tmp_path: Path) -> None:
    """The replica and its lock hold people, and a state of its own as well."""
    synced.journal.put("a")
    synced.pull()
    synced.pull("--state", tmp_path / "state.db")
    files = [tmp_path / "replica.db", tmp_path / "state.db", tmp_path / "state.db-lock"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_the_help_needs_no_database(tmp_path: Path) -> None:
    """And each command has its own."""
    (tmp_path / "sqlalchemy.py").write_text("raise ImportError")
    assert run_command("--help", PYTHONPATH=str(tmp_path)).code == 0
