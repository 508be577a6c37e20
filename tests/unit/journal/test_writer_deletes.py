"""What the writer deletes it deletes in parts, so that each statement ends in time."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from flask_gluu_changes.journal.tables import ENTRIES, now
from flask_gluu_changes.journal.writer import SECOND
from tests.support.journals import Journal


def _rows(journal: Journal) -> int:
    with journal.engine.begin() as connection:
        return int(connection.scalar(select(func.count()).select_from(ENTRIES)) or 0)


@pytest.mark.parametrize("people", [3, 4, 5])
def test_more_rows_than_one_statement_deletes_are_all_deleted(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, people: int
) -> None:
    """Removals that are pruned, and everybody where all is forgotten."""
    monkeypatch.setattr("flask_gluu_changes.journal.rows.DELETE_SIZE", 2)
    names = [str(number) for number in range(people)]
    journal.put(*names, "kept")
    journal.remove(*names)
    journal.writer.prune(now() + SECOND)
    assert _rows(journal) == 1
    journal.put(*names)
    journal.writer.begin_epoch(forget=True)
    assert _rows(journal) == 0
