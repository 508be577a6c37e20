"""Making the tables of a journal, and telling whether all of them are there."""

from __future__ import annotations

import logging

from sqlalchemy import Engine, Table, insert, inspect, select
from sqlalchemy.exc import IntegrityError

from .failures import JournalConflict, JournalUnavailable
from .tables import (
    COMMITS,
    ENTRIES,
    METADATA,
    ONLY_ROW,
    STATE,
    UNKNOWN,
    commit_row,
    new_epoch,
    writer_engine,
)

log = logging.getLogger(__name__)

LAYOUT = 3
"""Of the tables. A journal of another layout is begun anew."""

_ONLY_A_PART = (
    "the journal's database holds only a part of a journal; restore all of it, or drop the tables"
    " gluu_changes_…, and it is begun anew"
)

PART = 0
"""In place of a layout where something of the journal is lost."""


def create(engine: Engine) -> None:
    """Create the tables of a new journal; one that is there stays, unless its layout is another.

    Raises JournalUnavailable where there is but a part of one: it may be being restored; and
    JournalConflict where another process makes the same at this moment.
    """
    layout = _layout(engine)
    if layout == LAYOUT:
        return  # without a lock: another process may hold it
    if layout == PART:
        raise JournalUnavailable(_ONLY_A_PART)
    if layout is not None:
        log.warning("a new epoch begins: the tables of the journal are of another version")
        METADATA.drop_all(engine)
    try:
        METADATA.create_all(engine)
        with writer_engine(engine).begin() as connection:
            if connection.execute(select(STATE.c.id)).first() is None:
                connection.execute(insert(STATE).values(_first_state()))
                connection.execute(insert(COMMITS).values(commit_row(0)))
    except IntegrityError as error:
        raise JournalConflict("another process makes the same journal") from error


def _layout(engine: Engine) -> int | None:
    """Return the layout of a journal; None where there is none, or one that is just being made."""
    there = _tables(engine)
    if STATE.name in there:
        if "layout" not in {column["name"] for column in inspect(engine).get_columns(STATE.name)}:
            return LAYOUT - 1
        with engine.begin() as connection:
            layout = connection.scalar(select(STATE.c.layout))
        if layout is not None:
            return layout if there == METADATA.tables.keys() else PART
    is_filled = any(_has_rows(engine, t) for t in (ENTRIES, COMMITS) if t.name in there)
    return PART if is_filled else None


def _has_rows(engine: Engine, table: Table) -> bool:
    with engine.begin() as connection:
        return connection.execute(select(table.c.seq).limit(1)).first() is not None


def is_whole(engine: Engine) -> bool:
    """Return whether all tables are there."""
    return _tables(engine) == METADATA.tables.keys()


def _tables(engine: Engine) -> set[str]:
    """Name those tables of a journal that are there."""
    inspector = inspect(engine)
    return {name for name in METADATA.tables if inspector.has_table(name)}


def _first_state() -> dict[str, object]:
    return {
        "id": ONLY_ROW,
        "epoch": new_epoch(),
        "head": 0,
        "floor": 0,
        "version": 0,
        "built": False,
        "level": UNKNOWN,
        "why": "nothing has been followed yet",
        "source": "",
        "cookie": "",
        "confirmed_at": 0,
        "holder": "",
        "held_until": 0,
        "released_at": 0,
        "layout": LAYOUT,
    }
