"""Reading the journal: each answer comes from one transaction over rows, state and commits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import compress
from operator import not_
from typing import Any, NamedTuple

from sqlalchemy import Engine, bindparam, inspect, select
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import SQLAlchemyError

from ..database import CompiledQuery
from ..errors import BackendUnavailable
from .failures import first_line
from .held import count_held
from .protocol import Position, ResyncRequired, Slice, Status
from .quarantine import count_quarantined
from .tables import (
    COMMITS,
    ENTRIES,
    HELD,
    STATE,
    JournalState,
    read_state,
    reader_engine,
)
from .view import is_written_as, settings_digest_in

FETCH_SIZE = 1000
"""Rows that the timeStamp form holds in memory at a time."""

NOT_BUILT = "The journal is being built. Try again later."

NOT_FOLLOWED = (
    "nothing has been followed into the journal yet: run `flask gluu-changes follow`, and keep it"
    " running"
)

NO_SEQ = -1
"""A seq that no commit has."""

_ROWS = (
    select(ENTRIES.c.seq, ENTRIES.c.removed, ENTRIES.c.changed_at, ENTRIES.c.line)
    .where(ENTRIES.c.seq > bindparam("after"), ENTRIES.c.seq <= bindparam("until"))
    .order_by(ENTRIES.c.seq)
    .limit(bindparam("most"))
)
_ENTRY_ROWS = _ROWS.where(ENTRIES.c.removed.is_(None))
_HEAD = select(STATE.c.epoch, STATE.c.head)
_AT_HEAD, _AT_POSITION = COMMITS.alias("at_head"), COMMITS.alias("at_position")
_JOINED_STATE = (
    select(*(STATE.c[name] for name in ("epoch", "head", "floor", "built", "source")))
    .add_columns(_AT_HEAD.c.commit_id, _AT_POSITION.c.commit_id)
    .outerjoin_from(STATE, _AT_HEAD, _AT_HEAD.c.seq == STATE.c.head)
    .outerjoin(_AT_POSITION, _AT_POSITION.c.seq == bindparam("until"))
)
_EVERYBODY = select(ENTRIES.c.sort_key, ENTRIES.c.changed_at, ENTRIES.c.line).where(
    ENTRIES.c.removed.is_(None)
)
_SINCE = _EVERYBODY.where(ENTRIES.c.counts_until >= bindparam("since"), ENTRIES.c.counts_until != 0)


class _JoinedState(NamedTuple):
    """The journal's state, with the commit ids at its head and at a client's position."""

    epoch: str
    head: int
    floor: int
    built: bool
    source: bytes
    head_commit: str | None
    position_commit: str | None


class JournalReader:
    """Reads slices of runs, and what the timeStamp form needs.

    Every method raises BackendUnavailable while the journal cannot be read, and those that read
    people raise it while the journal is being built.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = reader_engine(engine)
        self._errors = (SQLAlchemyError, engine.dialect.loaded_dbapi.Error)
        self._operational = engine.dialect.loaded_dbapi.OperationalError
        # Slices and heads are read by the driver's own cursor: they are what clients poll.
        statements = (_HEAD, _JOINED_STATE, _ROWS, _ENTRY_ROWS)
        self._head, self._joined_state, self._rows, self._entry_rows = (
            CompiledQuery(statement, engine.dialect) for statement in statements
        )

    def status(self) -> Status:
        """Return what the journal says of itself, built or not."""
        state, quarantined, held = self.state()
        return Status(
            state.level,
            state.why,
            state.epoch,
            state.head,
            state.built,
            state.confirmed_at,
            quarantined,
            held,
        )

    def state(self) -> tuple[JournalState, int, int]:
        """Return the journal's state, and how many entries are set aside, and removals held."""
        with self._unavailable_on_errors(), self._engine.begin() as connection:
            return read_state(connection), count_quarantined(connection), count_held(connection)

    def head(self) -> tuple[str, int]:
        """Return epoch and head, and no more: it is read fifty times a second."""
        with self._unavailable_on_errors(), _transaction(self._engine) as cursor:
            epoch, head = self._head.run(cursor).fetchall()[0]
        return epoch, head

    def latest(self) -> Position:
        """Return the position behind everything there is."""
        with self._unavailable_on_errors(), _transaction(self._engine) as cursor:
            return _head_position(self._usable_state(cursor, NO_SEQ))

    def read_slice(self, position: Position | None, size: int) -> Slice:
        """Read at most `size` rows from a position; None begins a full run.

        Raises ResyncRequired for a position of another epoch, of a journal before it was restored,
        or from before the removals that are still known.
        """
        with self._unavailable_on_errors(), _transaction(self._engine) as cursor:
            state = self._usable_state(cursor, position.until if position else NO_SEQ)
            if position is not None:
                _check_continuity(state, position)
            head = _head_position(state)
            rows, reached = self._read(cursor, _start_of_slice(position, head), size)
            return _slice(rows, reached, head, _settings_digest(state))

    def since(
        self,
        micros: int,
        *,
        everybody: bool,
        settings_digest: str = "",
        cut: Callable[[bytes], bytes] = bytes,
    ) -> Iterator[tuple[bytes, int, bytes]]:
        """Yield sort key, change time and line of those who count as changed since a time.

        everybody: whether those whom no time finds are yielded, too. cut: returns what is shown of
        a line where it is not known that it was written under the settings of the digest.
        """
        statement = _EVERYBODY if everybody else _SINCE
        with self._unavailable_on_errors(), self._engine.begin() as connection:
            state = self._usable_state(connection.connection.cursor(), NO_SEQ)
            as_asked = is_written_as(_settings_digest(state), settings_digest)
            streamed = connection.execution_options(yield_per=FETCH_SIZE)
            for row in streamed.execute(statement, {"since": micros}):
                yield row.sort_key, row.changed_at, row.line if as_asked else cut(row.line)

    def _usable_state(self, cursor: DBAPICursor, until: int) -> _JoinedState:
        """Read the state of a journal that is built."""
        state = _JoinedState(*self._joined_state.run(cursor, until=until).fetchall()[0])
        if not state.built:
            raise BackendUnavailable(
                "the journal is being built by `flask gluu-changes follow`", public=NOT_BUILT
            )
        return state

    def _read(
        self, cursor: DBAPICursor, position: Position, size: int
    ) -> tuple[Sequence[Any], Position]:
        """Read one row more than is wanted: only that shows whether there are more."""
        if position.is_end:
            return [], replace(position, removals=True)
        query = self._rows if position.removals else self._entry_rows
        query.run(cursor, after=position.after, until=position.until, most=size + 1)
        rows = cursor.fetchall()
        reached = rows[size - 1][0] if len(rows) > size else position.until
        after = replace(
            position, after=reached, removals=position.removals or reached == position.until
        )
        return rows[:size], after

    @contextmanager
    def _unavailable_on_errors(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            if self._has_no_tables(error):
                raise BackendUnavailable(NOT_FOLLOWED, public=NOT_BUILT) from error
            raise BackendUnavailable(f"the journal cannot be read: {first_line(error)}") from error

    def _has_no_tables(self, error: Exception) -> bool:
        """Return whether the database answers and has no journal in it."""
        cause = getattr(error, "orig", error)
        if isinstance(cause, self._operational) and self._engine.dialect.name != "sqlite":
            return False  # the server is away; asking it once more would take as long again
        try:
            return not inspect(self._engine).has_table(HELD.name)
        except SQLAlchemyError:
            return False


@contextmanager
def _transaction(engine: Engine) -> Iterator[DBAPICursor]:
    """Yield a cursor of the driver within a transaction, which ends with the block.

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


def _check_continuity(state: _JoinedState, position: Position) -> None:
    if position.epoch != state.epoch:
        raise ResyncRequired("the journal has begun a new epoch")
    if position.removals and position.after < state.floor:
        raise ResyncRequired("removals since then have been forgotten")
    if state.position_commit != position.commit_id:
        raise ResyncRequired("the journal has been restored or pruned since then")


def _head_position(state: _JoinedState) -> Position:
    if state.head_commit is None:
        raise BackendUnavailable("the journal has no commit for its head; it was tampered with")
    return Position(state.epoch, state.head, state.head, state.head_commit, removals=True)


def _start_of_slice(position: Position | None, head: Position) -> Position:
    """Freeze the head where a run begins: a full one, or one behind a delta token."""
    if position is None:
        return replace(head, after=0, removals=False)
    return replace(head, after=position.after) if position.is_end else position


def _settings_digest(state: _JoinedState) -> str:
    return settings_digest_in(bytes(state.source).decode("utf-8", "surrogatepass"))


def _slice(rows: Sequence[Any], after: Position, head: Position, settings_digest: str) -> Slice:
    """Separate entries and removals, a column at a time: pages are long."""
    if not rows:
        return Slice([], [], [], 0, after, head, settings_digest)
    _, reasons, changed, lines = zip(*rows, strict=True)
    order = [reason is None for reason in reasons]
    removed = [*compress(lines, map(not_, order))]
    entries = [*compress(lines, order)]
    return Slice(entries, removed, order, max(changed), after, head, settings_digest)
