"""A pooler that changes the session between two transactions, as pgbouncer may."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, event

from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.tables import METADATA, open_engine
from tests.support.journals import Journal
from tests.support.postgres import Postgres


def forget(raw: Any, *_: object) -> None:
    """Do behind the driver's back what comes with another session."""
    raw.pgconn.exec_(b"DEALLOCATE ALL")


def forgetting(engine: Engine) -> Engine:
    """Forget all prepared statements whenever a connection is taken."""
    event.listen(engine, "checkout", forget)
    return engine


def test_statements_that_a_session_forgot(postgres: Postgres) -> None:
    """Neither the writer nor the reader needs any."""
    engine, other = open_engine(postgres.url), open_engine(postgres.url)
    journal, reader = Journal(forgetting(engine)), JournalBackend(other)
    try:
        for number in range(20):
            journal.put(f"n{number}")
        forgetting(other)
        position = reader.latest()
        for _ in range(20):
            assert len(reader.read_slice(None, 5).entries) == 5
            assert reader.latest() == position
    finally:
        reader.close()
        METADATA.drop_all(engine)
        journal.backend.close()
