"""What keeps a database from answering well: for `flask gluu-changes doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select, text

from ...model import BEFORE_ALL, ChangesQuery, Finding, time_of
from ...timestamps import to_micros
from .columns import Column
from .errors import translated
from .schema import TableInfo
from .statement import lower_bound, requested_columns

CLOCK_SECONDS = 30
"""How far a database's clock and this machine's may differ before it counts as a fault."""

_SET_CLOCKS = "set the clocks by NTP (`timedatectl set-ntp true`)"

_CLOCKS = {
    "postgresql": "SELECT extract(epoch FROM clock_timestamp())",
    "mysql": "SELECT unix_timestamp(now(6))",
    "mariadb": "SELECT unix_timestamp(now(6))",
}

_MAY_READ = text("SELECT has_column_privilege(:table, :column, 'SELECT')")
_HIDES_ROWS = text("SELECT row_security_active(:table)")


def examine(
    connection: Connection, table_info: TableInfo, query: ChangesQuery
) -> Iterator[Finding]:
    """Examine indexes, clock, limits and rights for a query; reads, and writes nothing."""
    yield Finding.ok(f"connected, and the table {table_info.table} is there")
    if table_info.unread_types:
        yield Finding.warning(
            f"the user may not read {table_info.unread_types}: attributes have other types than"
            " those that are registered",
            f"GRANT SELECT ON {_quoted(connection, table_info.unread_types)} to that user",
        )
    names = [column.column for column in requested_columns(query, table_info)]
    yield from _indexes(connection, table_info, query)
    yield from _clock(connection)
    may_not = [name for name in names if not _may_read(connection, table_info, name)]
    if may_not:
        yield Finding.fault(
            f"the user may not read {', '.join(may_not)} of {table_info.table}",
            f"GRANT SELECT ON {_quoted(connection, table_info.table)} to that user",
        )
        return
    yield Finding.ok(f"the user may read all {len(names)} columns that are asked for")
    yield from _people(connection, table_info, query)
    for name in query.time_attributes:
        yield from _future(connection, table_info, name)


def _indexes(
    connection: Connection, table_info: TableInfo, query: ChangesQuery
) -> Iterator[Finding]:
    unindexed = table_info.without_index(query.time_attributes)
    for name in query.time_attributes:
        if name in unindexed and table_info.is_view:
            yield Finding.warning(
                f"whether {name} is indexed cannot be seen through the view {table_info.table}",
                f"{table_info.advice_on_index(connection.dialect, [name])}, unless it is",
            )
        elif name in unindexed:
            yield Finding.fault(
                f"{name} is not indexed: every poll reads the whole table",
                table_info.advice_on_index(connection.dialect, [name]),
            )
        else:
            yield Finding.ok(f"{name} is indexed")


def _clock(connection: Connection) -> Iterator[Finding]:
    statement = _CLOCKS.get(connection.dialect.name)
    if statement is None:
        yield Finding.ok("the database's clock is this machine's")
        return
    theirs = float(connection.scalar(text(statement)) or 0)
    off = round(theirs - datetime.now(UTC).timestamp())
    if abs(off) <= CLOCK_SECONDS:
        yield Finding.ok(f"the database's clock and this machine's differ by {abs(off)} s")
        return
    where = "ahead of" if off > 0 else "behind"
    yield Finding.fault(
        f"the database's clock is {abs(off)} s {where} this machine's",
        "set both clocks by NTP (`timedatectl set-ntp true`): times that are ahead carry clients"
        " beyond later changes",
    )


def _future(connection: Connection, table_info: TableInfo, name: str) -> Iterator[Finding]:
    """Look for times in the future: clients would take them over."""
    column, dialect = table_info.columns[name.lower()], connection.dialect.name
    now = datetime.now(UTC)
    bound = lower_bound(column, now + timedelta(seconds=CLOCK_SECONDS), dialect)
    later = column.clause > bound
    latest = column.selected(func.max(column.clause))
    statement = select(func.count(), latest).select_from(table_info.clause)
    with translated("looking for times in the future"):
        number, last = connection.execute(statement.where(later)).one()
    table, written = (_quoted(connection, n) for n in (table_info.table, column.column))
    if number:
        yield Finding.fault(
            f"{name} of {number} people lies in the future, by {_ahead(column, last, now)}: the"
            " clock that wrote it was ahead of this machine's",
            f"{_SET_CLOCKS}; then correct these times (UPDATE {table} SET {written} = …)",  # noqa: S608 -- it is printed
        )


def _ahead(column: Column, last: object, now: datetime) -> str:
    """Return how far the last of the times is ahead; some are no time that Python can hold."""
    micros = time_of(column.reader(last)[0], BEFORE_ALL)
    seconds = (micros - to_micros(now)) // 10**6
    return f"up to {seconds} s" if micros > BEFORE_ALL else "more than 7000 years"


def _may_read(connection: Connection, table_info: TableInfo, column: str) -> bool:
    if connection.dialect.name != "postgresql":
        return True  # others do not even show a column that may not be read
    names = {"table": _qualified(connection, table_info), "column": column}
    return bool(connection.scalar(_MAY_READ, names))


def _people(
    connection: Connection, table_info: TableInfo, query: ChangesQuery
) -> Iterator[Finding]:
    """Count, and find policies that hide rows, which cut answers short without an error."""
    names = {"table": _qualified(connection, table_info)}
    if connection.dialect.name == "postgresql" and connection.scalar(_HIDES_ROWS, names):
        yield Finding.fault(
            f"row security is active on {table_info.table}: answers are cut short without an error",
            "ALTER ROLE … BYPASSRLS, or CREATE POLICY everybody ON"
            f" {_quoted(connection, table_info.table)} FOR SELECT TO … USING (true)",
        )
    times = [func.count(table_info.columns[n.lower()].clause) for n in query.time_attributes]
    counted = select(func.count(), *times).select_from(table_info.clause)
    with translated("counting the people"):
        total, *with_time = connection.execute(counted).one()
    if not total:
        yield Finding.warning(
            f"nobody is in {table_info.table}",
            "check GLUU_CHANGES_SQL_URL and GLUU_CHANGES_SQL_TABLE, if there should be people",
        )
    elif not any(with_time):
        yield Finding.warning(
            f"none of the {total} people has a time, so none is ever listed",
            "name the columns that are written with each change in GLUU_CHANGES_TIME_ATTRIBUTES",
        )
    else:
        yield Finding.ok(f"{total} people can be read")


def _qualified(connection: Connection, table_info: TableInfo) -> str:
    return f"{_quoted(connection, table_info.schema or '')}.{_quoted(connection, table_info.table)}"


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)
