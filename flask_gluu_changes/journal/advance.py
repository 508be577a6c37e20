"""What a transaction leaves behind in the state's row and among the commits."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, insert, select, update

from .batch import WriteBatch
from .rows import Names, RowChange, Stamp
from .tables import COMMITS, STATE, JournalState, commit_row

# Built once: SQLAlchemy takes as long to build a statement as to execute it.
_ADVANCE = update(STATE).values(
    {name: bindparam(name) for name in ("confirmed_at", "head", "version", "cookie", "built")}
)
_ADD_COMMIT = insert(COMMITS)


class Left(NamedTuple):
    """The head and the cookie behind a transaction; commit: its id, where anything changed."""

    head: int
    cookie: str
    commit: str


def highest_seq(seq: ColumnElement[int], old: ColumnElement[bool]) -> Select[int]:
    """Select the highest seq of what is old, by the index of the times.

    Asked for the seq itself, a database may read all rows from the newest one back to an old one.
    """
    return select(func.max(seq + 0)).where(old)


def names_in(changes: list[RowChange]) -> dict[str, Names]:
    """Return what a removal would tell of those whose rows change, by id."""
    return {row["id"]: Names(row["inum"], row["uid"]) for row, _ in changes}


def advance(
    connection: Connection, state: JournalState, batch: WriteBatch, changed: int, stamp: Stamp
) -> Left:
    """Write the state; return how it is left."""
    head, commit = state.head + changed, ""
    values: dict[str, object] = {
        "confirmed_at": state.confirmed_at if batch.confirmed_at is None else batch.confirmed_at,
        "head": head,
        "version": stamp.version if changed else state.version,
        "cookie": state.cookie if batch.cookie is None else batch.cookie,
        "built": state.built if batch.built is None else batch.built,
    }
    connection.execute(_ADVANCE, values)
    if batch.releases:
        connection.execute(update(STATE).values(released_at=stamp.at))
    if changed:
        row = commit_row(head)
        connection.execute(_ADD_COMMIT, row)
        commit = str(row["commit_id"])
    return Left(head, str(values["cookie"]), commit)
