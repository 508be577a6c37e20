"""Reading the journal: every answer is one consistent look at rows, state and commits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import compress
from operator import not_
from typing import Any, NamedTuple

from sqlalchemy import Engine, bindparam, select
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import SQLAlchemyError

from ..errors import BackendRefused, BackendUnavailable
from ..prepared import Prepared
from .places import Gone, Part, Place, Status
from .state import read_state
from .tables import COMMITS, ENTRIES, STATE, reading

AT_ONCE = 1000
"""Rows to be held in memory for the timeStamp form."""

NOT_BUILT = "The journal is being built. Try again later."
NOWHERE = -1
"""A seq that no commit has."""

_ROWS = (
    select(ENTRIES.c.seq, ENTRIES.c.removed, ENTRIES.c.changed_at, ENTRIES.c.line)
    .where(ENTRIES.c.seq > bindparam("after"), ENTRIES.c.seq <= bindparam("until"))
    .order_by(ENTRIES.c.seq)
    .limit(bindparam("most"))
)
_ALIVE = _ROWS.where(ENTRIES.c.removed.is_(None))
_HEAD = select(STATE.c.epoch, STATE.c.head)
_AT_HEAD, _AT_PLACE = COMMITS.alias("at_head"), COMMITS.alias("at_place")
_LOOK = (
    select(*(STATE.c[name] for name in ("epoch", "head", "floor", "built", "source")))
    .add_columns(_AT_HEAD.c.mark, _AT_PLACE.c.mark)
    .outerjoin_from(STATE, _AT_HEAD, _AT_HEAD.c.seq == STATE.c.head)
    .outerjoin(_AT_PLACE, _AT_PLACE.c.seq == bindparam("until"))
)
_SINCE = (
    select(ENTRIES.c.sort_key, ENTRIES.c.changed_at, ENTRIES.c.line)
    .where(ENTRIES.c.removed.is_(None), ENTRIES.c.counts_until >= bindparam("since"))
    .where(ENTRIES.c.counts_until != 0)
)


class Look(NamedTuple):
    """The journal at a moment; see `tables`. known: the mark of the commit at a client's place."""

    epoch: str
    head: int
    floor: int
    built: bool
    source: str
    mark: str | None
    known: str | None


class JournalReader:
    """Reads pages of runs, and what the timeStamp form needs.

    view: the settings' digest under which the journal must have been filled; None takes any. Every
    method raises BackendUnavailable while the journal is being built or cannot be read.
    """

    def __init__(self, engine: Engine, view: str | None = None) -> None:
        self._engine = reading(engine)
        self._view = view
        self._errors = (SQLAlchemyError, engine.dialect.loaded_dbapi.Error)
        prepared = (Prepared(statement, engine.dialect) for statement in (_HEAD, _LOOK, _ROWS))
        self._head, self._look, self._rows = prepared
        self._alive = Prepared(_ALIVE, engine.dialect)

    def status(self) -> Status:
        """Tell how the journal is, built or not."""
        with self._unavailable_on_errors(), self._engine.begin() as connection:
            state = read_state(connection)
        return Status(
            state.level, state.why, state.epoch, state.head, state.built, state.confirmed_at
        )

    def head(self) -> tuple[str, int]:
        """Give epoch and head, and no more: it is asked fifty times a second."""
        with self._unavailable_on_errors(), _one_look(self._engine) as cursor:
            epoch, head = self._head.run(cursor).fetchall()[0]
        return epoch, head

    def latest(self) -> Place:
        """Give the place behind everything there is."""
        with self._unavailable_on_errors(), _one_look(self._engine) as cursor:
            return _end(self._usable(cursor, NOWHERE))

    def part(self, place: Place | None, size: int) -> Part:
        """Read at most `size` rows from a place; None begins a full run.

        Raises Gone for a place of another epoch, of a journal before it was restored, or from
        before the removals that are still known.
        """
        with self._unavailable_on_errors(), _one_look(self._engine) as cursor:
            look = self._usable(cursor, place.until if place else NOWHERE)
            if place is not None:
                _recognize(look, place)
            head = _end(look)
            return self._read(cursor, _going_on(place, head), size, head)

    def since(self, micros: int) -> Iterator[tuple[bytes, int, bytes]]:
        """Yield place of order, change time and line of who counts as changed since a time."""
        with self._unavailable_on_errors(), self._engine.begin() as connection:
            self._usable(connection.connection.cursor(), NOWHERE)
            streamed = connection.execution_options(yield_per=AT_ONCE)
            for row in streamed.execute(_SINCE, {"since": micros}):
                yield row.sort_key, row.changed_at, row.line

    def _usable(self, cursor: DBAPICursor, until: int) -> Look:
        """Look; what was filled under other settings may hold what is hidden here."""
        look = Look(*self._look.run(cursor, until=until).fetchall()[0])
        if not look.built:
            raise BackendUnavailable("the journal is being built", public=NOT_BUILT)
        if self._view is not None and not look.source.endswith(f" as {self._view}"):
            raise BackendRefused(
                "the journal was filled under other settings for what is shown and how; run"
                " `flask gluu-changes follow` with the settings of this application"
            )
        return look

    def _read(self, cursor: DBAPICursor, place: Place, size: int, head: Place) -> Part:
        """Read one row more than is wanted: only that tells whether there are more."""
        if place.is_end:
            return Part([], [], [], 0, next=head, head=head)
        statement = self._rows if place.removals else self._alive
        statement.run(cursor, after=place.after, until=place.until, most=size + 1)
        rows = cursor.fetchall()
        reached = rows[size - 1][0] if len(rows) > size else place.until
        after = replace(place, after=reached, removals=place.removals or reached == place.until)
        return _part(rows[:size], after, head)

    @contextmanager
    def _unavailable_on_errors(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise BackendUnavailable(f"the journal cannot be read: {error}") from error


def _part(rows: Sequence[Any], after: Place, head: Place) -> Part:
    """Sort entries from removals, a column at a time: pages are long."""
    if not rows:
        return Part([], [], [], 0, after, head)
    _, reasons, changed, lines = zip(*rows, strict=True)
    order = [reason is None for reason in reasons]
    removed = [*compress(lines, map(not_, order))]
    return Part([*compress(lines, order)], removed, order, max(changed), after, head)


def _recognize(look: Look, place: Place) -> None:
    if place.epoch != look.epoch:
        raise Gone("the journal has begun a new epoch")
    if place.removals and place.after < look.floor:
        raise Gone("removals since then have been forgotten")
    if look.known != place.mark:
        raise Gone("the journal has been restored or pruned since then")


def _end(look: Look) -> Place:
    if look.mark is None:
        raise BackendUnavailable("the journal has no commit for its head; it was tampered with")
    return Place(look.epoch, look.head, look.head, look.mark, removals=True)


def _going_on(place: Place | None, head: Place) -> Place:
    """Freeze the head where a run begins: a full one, or one behind a delta token."""
    if place is None:
        return replace(head, after=0, removals=False)
    return replace(head, after=place.after) if place.is_end else place


@contextmanager
def _one_look(engine: Engine) -> Iterator[DBAPICursor]:
    """Give a cursor within a transaction, which ends with the block; raises the driver's errors.

    SQLAlchemy's pool rolls back what it gets back. Its connections matter only for what they set:
    the isolation, which SQLite has anyway.
    """
    if engine.dialect.name == "sqlite":
        with closing(engine.raw_connection()) as raw, closing(raw.cursor()) as cursor:
            cursor.execute("BEGIN")
            yield cursor
    else:  # the other drivers begin by themselves
        with engine.connect() as connection, closing(connection.connection.cursor()) as cursor:
            yield cursor
