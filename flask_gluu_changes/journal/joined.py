"""Entries of a full run as a few texts: SQLite joins them in half the time that their rows take."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Dialect, LargeBinary, Select, bindparam, cast, func, select
from sqlalchemy.engine.interfaces import DBAPICursor

from ..database import CompiledQuery
from .damage import checked_time

ONE_TEXT = 256
"""Entries up to which they are one text; a page of them is sent as a whole."""

TEXT_ROWS = 64
"""Entries of one text where there are more: about as long as the blocks in which it is sent. It
takes a tenth less than one long text, whose memory would be asked for anew each time."""


class Joined(NamedTuple):
    """Some entries of a run.

    Attributes:
        texts: What is to be joined by the separator that stands in them already.
        total: How many entries there are in all.
        latest: Their latest change time, in microseconds since the epoch.
        after: The seq of the last one.
        is_whole: Whether it is known that there are no more.
    """

    texts: list[bytes]
    total: int
    latest: int
    after: int
    is_whole: bool


class JoinedQuery:
    """Reads the entries of a run joined.

    entry_rows: selects seq, removed, change time and line of entries in order of seq, the line
    being null where it is a large one.
    """

    def __init__(self, entry_rows: Select[int, str, int, bytes], dialect: Dialect) -> None:
        rows = entry_rows.subquery()  # with a limit, so that SQLite does not take it apart
        joined = func.group_concat(rows.c[3], bindparam("separator"))
        columns = (func.count(), func.count(rows.c[3]), func.max(rows.c[0]), func.max(rows.c[2]))
        self._query = CompiledQuery(select(*columns, cast(joined, LargeBinary)), dialect)

    def read(
        self, cursor: DBAPICursor, after: int, until: int, size: int, separator: bytes
    ) -> Joined | None:
        """Read at most `size` entries; None where there is nobody, or one with a large line."""
        texts: list[bytes] = []
        total = latest = 0
        at_once = size if size <= ONE_TEXT else TEXT_ROWS
        bounds = {"until": until, "separator": separator.decode()}
        while total < size:
            most = min(at_once, size - total)
            row = self._query.run(cursor, after=after, most=most, **bounds).fetchone()
            count, short, last, newest, text = row  # type: ignore[misc]  # there always is one
            if short < count:
                return None
            if count:
                texts.append(text)
                total, after, latest = total + count, last, max(latest, checked_time(newest))
            if count < most:
                break
        return Joined(texts, total, latest, after, count < most) if texts else None
