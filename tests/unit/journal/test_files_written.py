"""How SQLite keeps a new journal: large pages, and an index of the removed alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from flask_gluu_changes.journal.layout import create
from flask_gluu_changes.journal.sessions import PAGE_SIZE
from flask_gluu_changes.journal.tables import open_engine
from flask_gluu_changes.journal.writer import Writer


def _told(engine: Engine, statement: str) -> str:
    with engine.begin() as connection:
        return " ".join(map(str, connection.exec_driver_sql(statement).all()))


def test_a_new_file_has_large_pages(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/journal.db")
    create(engine)
    assert _told(engine, "PRAGMA page_size") == f"({PAGE_SIZE},)"
    engine.dispose()


def test_a_file_that_was_begun_with_other_pages_is_used_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    file.touch(0o600)
    with closing(sqlite3.connect(file)) as before:
        before.executescript("PRAGMA page_size=4096; CREATE TABLE other (id INTEGER)")
    engine = open_engine(f"sqlite:///{file}")
    create(engine)
    assert _told(engine, "PRAGMA page_size") == "(4096,)"
    engine.dispose()


def test_the_removed_alone_are_in_the_index_of_removals(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/journal.db")
    create(engine)
    definition = "SELECT sql FROM sqlite_master WHERE name = 'ix_gluu_changes_entry_removed_at'"
    assert "WHERE removed_at IS NOT NULL" in _told(engine, definition)
    engine.dispose()


def test_pruning_finds_what_is_old_without_reading_everybody(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/journal.db")
    create(engine)
    plans = []

    @event.listens_for(engine, "before_cursor_execute")
    def explain(connection: Connection, *executed: Any) -> None:
        cursor, statement, parameters, *_ = executed
        if statement.startswith("SELECT max("):
            plans.append(
                str(cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall())
            )

    writer = Writer(engine)
    assert writer.acquire()
    writer.prune(before=5)
    assert [("COVERING INDEX" in plan) for plan in plans] == [True, True]
    engine.dispose()
