"""A journal that was restored from a backup proves to be another one from there on."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from flask_gluu_changes.journal.protocol import Position, ResyncRequired
from flask_gluu_changes.journal.reader import JournalReader
from flask_gluu_changes.journal.tables import ENTRIES, STATE, UNKNOWN_COMMITS, now
from flask_gluu_changes.journal.writer import SECOND
from tests.support.journals import Journal, file_engine


def _backup(journal: Journal, folder: Path) -> Path:
    """Copy the file of a journal; return the folder of the copy."""
    journal.engine.dispose()
    backup = folder / "backup"
    backup.mkdir()
    shutil.copy(folder / "journal.db", backup)
    return backup


def _versions(journal: Journal) -> dict[str, int]:
    with journal.engine.begin() as connection:
        return {row.id: row.version for row in connection.execute(select(ENTRIES))}


def test_a_restored_journal_knows_its_places_from_those_it_lost(
    journal: Journal, tmp_path: Path
) -> None:
    """The same head comes a second time, with another mark."""
    reader = JournalReader(journal.engine)
    journal.put("a")
    kept = reader.latest()
    backup = _backup(journal, tmp_path)
    journal.put("b")
    lost = reader.latest()
    restored = Journal(file_engine(backup), name=journal.writer.name)
    again = JournalReader(restored.engine)
    for _ in range(2):
        with pytest.raises(ResyncRequired, match="restored"):
            again.read_slice(lost, 1)
        restored.put("c")
    assert len(again.read_slice(kept, 10).entries) == 1
    restored.backend.close()


def test_a_restored_journal_gives_no_version_a_second_time(
    journal: Journal, tmp_path: Path
) -> None:
    """Whoever it tells is told with a higher version than any that was lost with it."""
    journal.put("a", "b")
    journal.remove("b")
    backup = _backup(journal, tmp_path)
    for mail in ("1", "2", "3"):
        journal.put("a", "b", mail=mail)
    lost = max(_versions(journal).values())
    restored = Journal(file_engine(backup), name=journal.writer.name)
    restored.put("a", "b", mail="other")
    assert min(_versions(restored).values()) > lost
    restored.backend.close()


def test_a_new_epoch_is_beyond_all_that_a_restored_journal_lost(
    journal: Journal, tmp_path: Path
) -> None:
    """Also for those who are as they were in the backup: clients may have them otherwise."""
    journal.put("a")
    backup = _backup(journal, tmp_path)
    journal.put("a", mail="lost")
    lost = _versions(journal)["a"]
    restored = Journal(file_engine(backup), name=journal.writer.name)
    restored.writer.begin_epoch()
    restored.put("a")
    assert _versions(restored)["a"] > lost
    restored.backend.close()


def test_a_journal_of_another_layout_begins_beyond_the_old_one(
    journal: Journal, tmp_path: Path
) -> None:
    """Its tables are made anew, and clients still know what the old ones told."""
    journal.put("a")
    journal.put("a", mail="new")
    old = _versions(journal)["a"]
    with journal.engine.begin() as connection:
        connection.execute(update(STATE).values(layout=1))
    anew = Journal(journal.engine)
    anew.put("a")
    assert _versions(anew)["a"] > old
    anew.backend.close()


def _refused(reader: JournalReader, place: Position) -> None:
    with pytest.raises(ResyncRequired, match="restored or pruned"):
        reader.read_slice(place, 1)


def test_the_token_of_a_lost_commit_shows_that_a_journal_was_restored(
    journal: Journal, tmp_path: Path
) -> None:
    """Nothing else can; whoever fills the journal learns of it, until a new epoch begins."""
    journal.put("a")
    backup = _backup(journal, tmp_path)
    journal.put("b")
    lost = JournalReader(journal.engine).latest()
    restored = Journal(file_engine(backup), name=journal.writer.name)
    assert not restored.writer.was_restored()
    for _ in range(2):
        _refused(JournalReader(restored.engine), lost)
        assert restored.writer.was_restored()
    restored.writer.begin_epoch()
    assert not restored.writer.was_restored()
    restored.backend.close()


def test_a_commit_that_was_forgotten_shows_nothing(journal: Journal) -> None:
    """The journal is the one that it was."""
    journal.put("a")
    place = JournalReader(journal.engine).latest()
    journal.put("b")
    journal.writer.prune(now() + SECOND)
    _refused(JournalReader(journal.engine), place)
    assert not journal.writer.was_restored()


def test_a_commit_that_came_late_to_a_node_shows_nothing(journal: Journal) -> None:
    """A replica of the database may lag behind; it counts until it is forgotten as all others."""
    journal.put("a")
    place = JournalReader(journal.engine).latest()
    row = {"commit_id": place.commit_id, "seq": place.until, "epoch": place.epoch}
    with journal.engine.begin() as connection:
        connection.execute(insert(UNKNOWN_COMMITS).values(row))
    assert not journal.writer.was_restored()
    journal.put("b")
    journal.writer.prune(now() + SECOND)
    assert not journal.writer.was_restored()


def test_a_node_that_may_only_read_says_what_to_do(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """Its client gets the same answer."""
    journal.put("a")
    reader = JournalReader(journal.engine)
    UNKNOWN_COMMITS.drop(journal.engine)
    _refused(reader, replace(reader.latest(), commit_id="lost"))
    assert "run `flask gluu-changes new-epoch`" in caplog.text
