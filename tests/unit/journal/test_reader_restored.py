"""A journal that was restored from a backup proves to be another one from there on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flask_gluu_changes.journal.protocol import ResyncRequired
from flask_gluu_changes.journal.reader import JournalReader
from tests.support.journals import Journal, file_engine


def test_a_restored_journal_knows_its_places_from_those_it_lost(
    journal: Journal, tmp_path: Path
) -> None:
    """The same head comes a second time, with another mark."""
    reader = JournalReader(journal.engine)
    journal.put("a")
    kept = reader.latest()
    journal.engine.dispose()
    backup = tmp_path / "backup"
    backup.mkdir()
    shutil.copy(tmp_path / "journal.db", backup)
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
