"""Every way in which a row of a journal can be other than its source, made by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from flask_gluu_changes.journal.quarantine import Quarantine, Unwritable
from flask_gluu_changes.journal.tables import ENTRIES, writer_engine

Hand = Callable[[Connection, str], object]


class Corruption(NamedTuple):
    """What is done to somebody's row, and the lines that `verify` then prints of it."""

    hand: Hand
    said: str


def corrupt(engine: Engine, corruption: Corruption, inum: str) -> str:
    """Do it to a person; return the id that is told."""
    with writer_engine(engine).begin() as connection:
        living = select(ENTRIES.c.id).where(ENTRIES.c.removed.is_(None))
        id_ = connection.scalars(living.where(ENTRIES.c.inum == inum)).one()
        return str(corruption.hand(connection, id_) or id_)


def _set(**values: Any) -> Hand:
    def hand(connection: Connection, id_: str) -> None:
        connection.execute(update(ENTRIES).where(ENTRIES.c.id == id_).values(values))

    return hand


def _replaced(old: bytes, new: bytes) -> Hand:
    def hand(connection: Connection, id_: str) -> None:
        line = connection.scalars(select(ENTRIES.c.line).where(ENTRIES.c.id == id_)).one()
        assert old in line
        _set(line=bytes(line).replace(old, new))(connection, id_)

    return hand


def _delete(connection: Connection, id_: str) -> None:
    connection.execute(delete(ENTRIES).where(ENTRIES.c.id == id_))


def _add(connection: Connection, id_: str, *, beyond: int = 0) -> str:
    """Add somebody who is not in the source, in front of everybody or behind the head."""
    row = connection.execute(select(ENTRIES).where(ENTRIES.c.id == id_)).mappings().one()
    last = connection.scalar(select(func.max(ENTRIES.c.seq))) or 0
    stranger = {"id": f"stranger {beyond}", "seq": last + beyond if beyond else 0}
    connection.execute(insert(ENTRIES).values({**row, **stranger}))
    return str(stranger["id"])


def _set_aside(connection: Connection, id_: str) -> None:
    Quarantine().write(connection, {id_: Unwritable("by hand")})


CORRUPTIONS: Mapping[str, Corruption] = {
    "a row is missing": Corruption(_delete, "missing: 1"),
    "a row too many": Corruption(_add, "superfluous: 1"),
    "a row too many behind the head": Corruption(
        lambda connection, id_: _add(connection, id_, beyond=1), "superfluous: 1"
    ),
    "another body": Corruption(_replaced(b'"bob"', b'"rob"'), "(cn, sn, uid)"),
    "a broken body": Corruption(_set(line=b'{"@id":'), "(line)"),
    "another version in the line": Corruption(_replaced(b'"@version":', b'"@version":9'), "(line)"),
    "another inum": Corruption(_set(inum="9"), "(inum)"),
    "another uid": Corruption(_set(uid="rob"), "(uid)"),
    "another time": Corruption(_set(changed_at=1, counts_until=1), "(changed_at, counts_until)"),
    "another key to sort by": Corruption(_set(sort_key=b"z"), "(sort_key)"),
    "another digest": Corruption(_set(digest=b"0" * 16), "(digest)"),
    "another id": Corruption(_set(id="other"), "superfluous: 1"),
    "removed, and is there": Corruption(_set(removed="deleted", removed_at=1), "missing: 1"),
    "set aside, and can be written": Corruption(_set_aside, "quarantined: 1"),
    "behind the head": Corruption(_set(seq=1000), "(seq)"),
}
