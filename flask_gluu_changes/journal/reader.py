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

from ..database import CompiledQuery
from ..errors import BackendRefused, BackendUnavailable
from .protocol import Position, ResyncRequired, Slice, Status
from .tables import COMMITS, ENTRIES, STATE, read_state, reading

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
_AT_HEAD, _AT_POSITION = COMMITS.alias("at_head"), COMMITS.alias("at_position")
_LOOK = (
    select(*(STATE.c[name] for name in ("epoch", "head", "floor", "built", "source")))
    .add_columns(_AT_HEAD.c.commit_id, _AT_POSITION.c.commit_id)
    .outerjoin_from(STATE, _AT_HEAD, _AT_HEAD.c.seq == STATE.c.head)
    .outerjoin(_AT_POSITION, _AT_POSITION.c.seq == bindparam("until"))
)
_SINCE = (
    select(ENTRIES.c.sort_key, ENTRIES.c.changed_at, ENTRIES.c.line)
    .where(ENTRIES.c.removed.is_(None), ENTRIES.c.counts_until >= bindparam("since"))
    .where(ENTRIES.c.counts_until != 0)
)


class Look(NamedTuple):
    """The journal at a moment; see `tables`. known_commit: the name of the commit at a client's position."""

    epoch: str
    head: int
    floor: int
    built: bool
    source: str
    head_commit: str | None
    known_commit: str | None


class JournalReader:
    """Reads pages of runs, and what the timeStamp form needs.

    settings_digest: the settings' digest under which the journal must have been filled; None takes any. Every
    method raises BackendUnavailable while the journal is being built or cannot be read.
    """

    def __init__(self, engine: Engine, settings_digest: str | None = None) -> None:
        self._engine = reading(engine)
        self._settings_digest = settings_digest
        self._errors = (SQLAlchemyError, engine.dialect.loaded_dbapi.Error)
        prepared = (CompiledQuery(statement, engine.dialect) for statement in (_HEAD, _LOOK, _ROWS))
        self._head, self._look, self._rows = prepared
        self._alive = CompiledQuery(_ALIVE, engine.dialect)

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

    def latest(self) -> Position:
        """Give the position behind everything there is."""
        with self._unavailable_on_errors(), _one_look(self._engine) as cursor:
            return _end(self._usable(cursor, NOWHERE))

    def read_slice(self, position: Position | None, size: int) -> Slice:
        """Read at most `size` rows from a position; None begins a full run.

        Raises ResyncRequired for a position of another epoch, of a journal before it was restored, or from
        before the removals that are still known.
        """
        with self._unavailable_on_errors(), _one_look(self._engine) as cursor:
            look = self._usable(cursor, position.until if position else NOWHERE)
            if position is not None:
                _recognize(look, position)
            head = _end(look)
            return self._read(cursor, _going_on(position, head), size, head)

    def since(self, micros: int) -> Iterator[tuple[bytes, int, bytes]]:
        """Yield position of order, change time and line of who counts as changed since a time."""
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
        if self._settings_digest is not None and not look.source.endswith(
            f" as {self._settings_digest}"
        ):
            raise BackendRefused(
                "the journal was filled under other settings for what is shown and how; run"
                " `flask gluu-changes follow` with the settings of this application"
            )
        return look

    def _read(self, cursor: DBAPICursor, position: Position, size: int, head: Position) -> Slice:
        """Read one row more than is wanted: only that tells whether there are more."""
        if position.is_end:
            return Slice([], [], [], 0, next=head, head=head)
        statement = self._rows if position.removals else self._alive
        statement.run(cursor, after=position.after, until=position.until, most=size + 1)
        rows = cursor.fetchall()
        reached = rows[size - 1][0] if len(rows) > size else position.until
        after = replace(
            position, after=reached, removals=position.removals or reached == position.until
        )
        return _slice(rows[:size], after, head)

    @contextmanager
    def _unavailable_on_errors(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise BackendUnavailable(f"the journal cannot be read: {error}") from error


def _slice(rows: Sequence[Any], after: Position, head: Position) -> Slice:
    """Sort entries from removals, a column at a time: pages are long."""
    if not rows:
        return Slice([], [], [], 0, after, head)
    _, reasons, changed, lines = zip(*rows, strict=True)
    order = [reason is None for reason in reasons]
    removed = [*compress(lines, map(not_, order))]
    return Slice([*compress(lines, order)], removed, order, max(changed), after, head)


def _recognize(look: Look, position: Position) -> None:
    if position.epoch != look.epoch:
        raise ResyncRequired("the journal has begun a new epoch")
    if position.removals and position.after < look.floor:
        raise ResyncRequired("removals since then have been forgotten")
    if look.known_commit != position.commit_id:
        raise ResyncRequired("the journal has been restored or pruned since then")


def _end(look: Look) -> Position:
    if look.head_commit is None:
        raise BackendUnavailable("the journal has no commit for its head; it was tampered with")
    return Position(look.epoch, look.head, look.head, look.head_commit, removals=True)


def _going_on(position: Position | None, head: Position) -> Position:
    """Freeze the head where a run begins: a full one, or one behind a delta token."""
    if position is None:
        return replace(head, after=0, removals=False)
    return replace(head, after=position.after) if position.is_end else position


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
