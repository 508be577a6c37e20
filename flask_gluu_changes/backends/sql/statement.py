"""The one statement that answers a query: named columns, and a bound for each time column.

There is no OFFSET and no ORDER BY: the feed sorts, and cuts its pages from what this one statement,
a consistent look at the table, has found. Databases combine the indexes of the time columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Dialect,
    Select,
    TableClause,
    bindparam,
    func,
    or_,
    select,
    true,
)

from ...backend import IDENTITY
from ...database import CompiledQuery
from ...errors import BackendRefused
from ...model import ChangesQuery
from ...visibility import Visibility
from .columns import Column, Reader, read_plain
from .schema import TableInfo

_MILLISECONDS = 3


def requested_columns(query: ChangesQuery, table_info: TableInfo) -> list[Column]:
    """Return the columns that a query needs, by name; raise BackendRefused where one is missing."""
    times = [_time_column(name, table_info) for name in query.time_attributes]
    shows = Visibility.of_query(query).known_to(table_info.describe).shows
    shown = set(filter(shows, table_info.columns))
    always = {_column(name, table_info).name.lower() for name in IDENTITY}
    always |= {column.name.lower() for column in times}
    found = [column for name, column in table_info.columns.items() if name in shown | always]
    return sorted(found, key=lambda column: column.name)


@dataclass(frozen=True, eq=False)
class QueryPlan:
    """A query in SQL, without its time: made once, executed by every poll.

    matching: selects the rows of who matches; its columns are `names`. newest: selects the newest
    of each time: an index has it at its end, and no plan of the database can turn out to be a bad
    one. readers: of the columns that need one.
    """

    matching: Select[Any]
    newest: CompiledQuery
    names: tuple[str, ...]
    readers: tuple[Reader | None, ...]
    times: tuple[Column, ...]

    def parameters(self, query: ChangesQuery, dialect: str) -> dict[str, object]:
        """Return the bounds for a query's time, by parameter."""
        return {
            _parameter(column): lower_bound(column, query.bound(column.name), dialect)
            for column in self.times
        }

    def matches_nobody(self, newest: Iterable[Any], query: ChangesQuery, dialect: str) -> bool:
        """Return whether the newest times are older than a query's; None stands for no time.

        Raises TypeError for what is not a time of the database's own.
        """
        bounds = self.parameters(query, dialect).values()
        return all(time is None or time < bound for time, bound in zip(newest, bounds, strict=True))


def plan_query(query: ChangesQuery, table_info: TableInfo, dialect: Dialect) -> QueryPlan:
    """Return the statements for a query; values are always bound, and SQLAlchemy quotes names."""
    columns = requested_columns(query, table_info)
    times = tuple(_time_column(name, table_info) for name in query.time_attributes)
    bounds = [c.clause >= bindparam(_parameter(c)) for c in times]
    matching = true() if query.everybody else or_(*bounds)
    table = table_info.clause
    names = [column.selected() for column in columns]
    return QueryPlan(
        matching=select(*names).select_from(table).where(matching),
        newest=CompiledQuery(_newest(times, table, dialect), dialect),
        names=tuple(column.name for column in columns),
        readers=tuple(None if c.reader is read_plain else c.reader for c in columns),
        times=times,
    )


def _newest(times: Iterable[Column], table: TableClause, dialect: Dialect) -> Select[Any]:
    newest: list[ColumnElement[Any]] = [func.max(c.clause) for c in times]
    if dialect.name != "sqlite":
        return select(*newest).select_from(table)
    # SQLite looks for a maximum at the end of an index only where it is asked for nothing else.
    return select(*(select(one).select_from(table).scalar_subquery() for one in newest))


def _parameter(column: Column) -> str:
    return f"since_{column.name}"


def lower_bound(column: Column, since: datetime, dialect: str) -> object:
    """Return a time as a time column of a dialect is compared with."""
    floor = since if column.digits >= _MILLISECONDS else since.replace(microsecond=0)
    if dialect == "sqlite":
        return _least_text(floor)
    return floor if column.zoned else floor.astimezone(UTC).replace(tzinfo=None)


def _least_text(moment: datetime) -> str:
    """Return the least of the texts in which SQLite may hold a time.

    It compares times as text; fewer digits of the fraction sort before more.
    """
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _time_column(name: str, table_info: TableInfo) -> Column:
    column = _column(name, table_info, "GLUU_CHANGES_TIME_ATTRIBUTES names it")
    if column.name != name:
        raise BackendRefused(f"GLUU_CHANGES_TIME_ATTRIBUTES names {name}: spell it {column.name}")
    if not column.is_time:
        raise BackendRefused(
            f"the column {column.column} of {table_info.table} is {column.declared}; a time"
            " attribute needs a column for date and time in UTC: ALTER TABLE … to TIMESTAMP(3) in"
            " PostgreSQL, DATETIME(3) in MariaDB, or name another in GLUU_CHANGES_TIME_ATTRIBUTES"
        )
    return column


def _column(name: str, table_info: TableInfo, why: str = "every person needs one") -> Column:
    column = table_info.columns.get(name.lower())
    if column is None:
        raise BackendRefused(f"{table_info.without_column(name)}, and {why}")
    return column
