"""The rows that an epoch does not tell anew, because a removal is held back or an entry set aside.

They stay as they were, but settings may hide by now what is in them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from sqlalchemy import Connection, RowMapping, bindparam, select, update

from .damage import damage_told
from .tables import ENTRIES

ROWS = 1000
"""Rows in memory at a time."""

Hide: TypeAlias = Callable[[bytes, str, str], tuple[bytes, str, str]]
"""Returns what settings show of a line, an inum and a uid."""

_FIRST = -(2**62)
_NAMES = ("line", "inum", "uid")
_UNTOLD = (
    select(*(ENTRIES.c[name] for name in ("seq", *_NAMES)))
    .where(
        ENTRIES.c.seq > bindparam("after"),
        ENTRIES.c.seq <= bindparam("floor"),
        ENTRIES.c.removed.is_(None),
    )
    .order_by(ENTRIES.c.seq)
    .limit(bindparam("most"))
)
_WRITE = (
    update(ENTRIES)
    .where(ENTRIES.c.seq == bindparam("its_seq"))
    .values({name: bindparam(name) for name in _NAMES})
)


def hide_in_untold(connection: Connection, floor: int, hide: Hide) -> None:
    """Leave out of the entries up to a seq what is hidden; nobody reads the journal meanwhile."""
    bounds = {"after": _FIRST, "floor": floor, "most": ROWS}
    while rows := connection.execute(_UNTOLD, bounds).mappings().all():
        bounds["after"] = rows[-1]["seq"]
        with damage_told():
            hidden = [shown for row in rows if (shown := _hidden(row, hide))]
        if hidden:
            connection.execute(_WRITE, hidden)


def _hidden(row: RowMapping, hide: Hide) -> dict[str, Any] | None:
    """Return what is to be written of a row; None where nothing is hidden."""
    before = bytes(row["line"]), row["inum"], row["uid"]
    shown = hide(*before)
    return (
        None
        if shown == before
        else {"its_seq": row["seq"], **dict(zip(_NAMES, shown, strict=True))}
    )
