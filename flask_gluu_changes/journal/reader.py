"""Reading the journal: each answer comes from one transaction over rows, state and commits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import compress
from operator import itemgetter, not_
from typing import Any

from sqlalchemy import Engine, bindparam, case, func, select
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import SQLAlchemyError

from ..database import CompiledQuery
from .answering import (
    ANSWERING_STATE,
    NO_SEQ,
    AnsweringState,
    UnknownCommit,
    check_head,
)
from .damage import NONSENSE, JournalDamaged, checked_time, damaged_by
from .failures import unavailable
from .held import count_held
from .joined import JoinedQuery
from .layout import is_whole
from .lost_commits import LOST_COMMITS, being_corrected, note_unknown
from .protocol import Position, Slice, Status
from .quarantine import count_quarantined
from .tables import (
    ENTRIES,
    STATE,
    JournalState,
    not_followed,
    read_state,
    reader_engine,
    writer_engine,
)
from .transactions import ReadTransactions, StreamedQuery
from .view import is_written_as

log = logging.getLogger(__name__)

NOTING_PATIENCE = 1.0
"""Seconds that a request waits for the lock of a file."""

PAGE_OCTETS = 8 * 2**20
"""Octets after which a slice ends, however many rows were asked for."""

ROWS_AT_ONCE = 1024
"""The most rows that are read by one statement; with short lines they hold no more octets."""

LARGE_LINE = 2**13
"""Octets of a line above which it is read by a statement of its own: nothing bounds rows else."""

_NO_OCTETS = {str, int, float}
"""What SQLite returns where bits of a type flipped; drivers have several types of octets."""

_LINE_OF = itemgetter(3)
_LINE = case((func.length(ENTRIES.c.line) <= LARGE_LINE, ENTRIES.c.line))
_ROWS = (
    select(ENTRIES.c.seq, ENTRIES.c.removed, ENTRIES.c.changed_at, _LINE)
    .where(ENTRIES.c.seq > bindparam("after"), ENTRIES.c.seq <= bindparam("until"))
    .order_by(ENTRIES.c.seq)
    .limit(bindparam("most"))
)
_ENTRY_ROWS = _ROWS.where(ENTRIES.c.removed.is_(None))
_HEAD = select(STATE.c.epoch, STATE.c.head)
_PEOPLE = select(func.count() - func.count(ENTRIES.c.removed_at)).select_from(ENTRIES)
_ONE_LINE = select(ENTRIES.c.line).where(ENTRIES.c.seq == bindparam("seq"))
_EVERYBODY = select(ENTRIES.c.sort_key, ENTRIES.c.changed_at, _LINE, ENTRIES.c.seq).where(
    ENTRIES.c.removed.is_(None)
)
_SINCE = _EVERYBODY.where(ENTRIES.c.counts_until >= bindparam("since"), ENTRIES.c.counts_until != 0)


class JournalReader:
    """Reads slices of runs, and what the timeStamp form needs.

    Every method raises BackendUnavailable while the journal cannot be read, and those that read
    people raise it while the journal is being built.

    notes: whether a commit that is not there is noted for whoever fills the journal.
    """

    def __init__(self, engine: Engine, *, notes: bool = True) -> None:
        self._engine = reader_engine(engine)
        self._transactions = ReadTransactions(engine)
        self._notes = notes
        self._noting = writer_engine(engine, patience=NOTING_PATIENCE)
        self._errors = (SQLAlchemyError, engine.dialect.loaded_dbapi.Error)
        self._operational = engine.dialect.loaded_dbapi.OperationalError
        # Slices and heads are read by the driver's own cursor: they are what clients poll.
        self._head = CompiledQuery(_HEAD, engine.dialect)
        self._state = CompiledQuery(ANSWERING_STATE, engine.dialect)
        self._rows = CompiledQuery(_ROWS, engine.dialect)
        self._entry_rows = CompiledQuery(_ENTRY_ROWS, engine.dialect)
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._joined = JoinedQuery(_ENTRY_ROWS, engine.dialect) if self._is_sqlite else None
        self._one_line = CompiledQuery(_ONE_LINE, engine.dialect)
        self._lost_commits = CompiledQuery(LOST_COMMITS, engine.dialect)
        self._everybody = StreamedQuery(_EVERYBODY, self._transactions)
        self._since = StreamedQuery(_SINCE, self._transactions)

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

    def count_people(self) -> int:
        """Return how many people are not removed, counted by an index alone."""
        with self._unavailable_on_errors(), self._engine.begin() as connection:
            return int(connection.execute(_PEOPLE).scalar_one())

    def connections(self) -> tuple[int, int]:
        """Return how many connections are idle, and in use."""
        return self._transactions.connections()

    def head(self) -> tuple[str, int]:
        """Return epoch and head, and no more: it is read fifty times a second."""
        with self._unavailable_on_errors(), self._transactions.begin() as cursor:
            rows = self._head.run(cursor).fetchall()
        if not rows:
            raise not_followed()
        epoch, head = rows[0]
        check_head(epoch, head)
        return epoch, head

    def told(self, position: Position) -> tuple[str, int]:
        """Return the head that a client knows."""
        return position.epoch, position.after

    def is_news(self, head: tuple[str, int], told: tuple[str, int]) -> bool:
        """Return whether a head is another one than a client knows."""
        return head != told

    def latest(self, told: Position | None = None) -> Position:
        """Return the position behind everything there is, whatever a client was told."""
        with self._unavailable_on_errors(), self._transactions.begin() as cursor:
            return self._usable_state(cursor, NO_SEQ).position

    def read_slice(self, position: Position | None, size: int, separator: bytes = b"") -> Slice:
        """Read at most `size` rows from a position, fewer of large ones; None begins a full run.

        separator: what stands between two entries where they may come joined; empty: they may not.

        Raises ResyncRequired for a position of another epoch, of a journal before it was restored,
        or from before the removals that are still known; and BackendUnavailable for a full run of a
        journal that was restored, until it is corrected.
        """
        try:
            with self._unavailable_on_errors(), self._transactions.begin() as cursor:
                state = self._usable_state(cursor, position.until if position else NO_SEQ)
                if position is not None:
                    state.check_continuity(position)
                elif self._lost_commits.run(cursor).fetchone() is not None:
                    raise being_corrected()
                head = state.position
                start, ends = _start_of_slice(position, head), (head, state.settings_digest)
                joined = self._read_joined(cursor, start, size, separator) if separator else None
                return Slice(*joined, *ends) if joined else self._read(cursor, start, size, ends)
        except UnknownCommit as error:
            if self._notes:
                note_unknown(self._noting, error.position)
            raise

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
        query = self._everybody if everybody else self._since
        with self._unavailable_on_errors(), query.begin(since=micros) as (cursor, stream):
            state = self._usable_state(cursor, NO_SEQ)
            as_asked = is_written_as(state.settings_digest, settings_digest)
            shown = bytes if as_asked else cut
            large: list[tuple[bytes, int, int]] = []
            for key, changed_at, line, seq in stream():
                if type(changed_at) is not int or type(key) is not bytes:
                    raise JournalDamaged("a row of a person is none")
                if line is None:
                    large.append((key, changed_at, seq))
                else:
                    yield key, changed_at, shown(line)
            # a connection to MariaDB takes no second statement while it streams
            for key, changed_at, seq in large:
                yield key, changed_at, shown(self._line(cursor, seq))

    def _usable_state(self, cursor: DBAPICursor, until: int) -> AnsweringState:
        """Read the state of a journal that is built."""
        return AnsweringState.of(self._state.run(cursor, until=until).fetchall())

    def _read(
        self, cursor: DBAPICursor, position: Position, size: int, ends: tuple[Position, str]
    ) -> Slice:
        """Read rows into a slice, which ends with the head and the settings of the journal."""
        if position.is_end:
            return Slice([], [], [], 0, ends[0], *ends)
        rows, is_whole = self._read_rows(cursor, position, size)
        after = _advanced(position, position.until if is_whole else rows[-1][0])
        return _slice(rows, after, *ends)

    def _read_joined(
        self, cursor: DBAPICursor, position: Position, size: int, separator: bytes
    ) -> tuple[list[bytes], list[bytes], list[bool], int, Position] | None:
        """Read entries joined; None where there may be removals, nobody, or a large line."""
        if self._joined is None or position.removals or size > ROWS_AT_ONCE:
            return None
        until = position.until
        found = self._joined.read(cursor, position.after, until, size, separator)
        if found is None:
            return None
        bounds = {"after": found.after, "until": until, "most": 1}
        is_whole = found.is_whole or self._entry_rows.run(cursor, **bounds).fetchone() is None
        after = _advanced(position, until if is_whole else found.after)
        return found.texts, [], [True] * found.total, found.latest, after

    def _read_rows(
        self, cursor: DBAPICursor, position: Position, size: int
    ) -> tuple[list[Any], bool]:
        """Read rows up to `size` or up to so many octets; return whether they are all there are."""
        query = self._rows if position.removals else self._entry_rows
        rows: list[Any] = []
        room = PAGE_OCTETS
        while True:
            # one row more than is wanted: only that shows whether there are more
            most = min(size - len(rows) + 1, ROWS_AT_ONCE)
            after = rows[-1][0] if rows else position.after
            read = query.run(cursor, after=after, until=position.until, most=most).fetchall()
            kept = self._fitting(cursor, read[: size - len(rows)], room, at_least=not rows)
            rows += kept
            if len(kept) < len(read) or len(read) < most:
                return rows, len(kept) == len(read)
            room -= sum([len(row[3]) for row in kept])

    def _fitting(
        self, cursor: DBAPICursor, rows: Sequence[Any], room: int, *, at_least: bool
    ) -> Sequence[Any]:
        """Return the rows that fit in so many octets, with their lines; or at least one of them."""
        if room >= ROWS_AT_ONCE * LARGE_LINE and None not in map(_LINE_OF, rows):
            return rows
        kept: list[Any] = []
        for seq, removed, changed_at, short in rows:
            if room <= 0 and not (at_least and not kept):
                break
            line = short if short is not None else self._line(cursor, seq)
            kept.append((seq, removed, changed_at, line))
            room -= len(line)
        return kept

    def _line(self, cursor: DBAPICursor, seq: int) -> Any:
        ((line,),) = self._one_line.run(cursor, seq=seq).fetchall()
        return line

    @contextmanager
    def _unavailable_on_errors(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            if self._has_no_tables(error):
                raise not_followed() from error
            raise unavailable(error, "read") from error
        except NONSENSE as error:
            raise damaged_by(error) from error

    def _has_no_tables(self, error: Exception) -> bool:
        """Return whether the database answers and has no journal in it."""
        cause = getattr(error, "orig", error)
        if isinstance(cause, self._operational) and not self._is_sqlite:
            return False  # the server is away; asking it once more would take as long again
        try:
            return not is_whole(self._engine)
        except SQLAlchemyError:
            return False


def _start_of_slice(position: Position | None, head: Position) -> Position:
    """Freeze the head where a run begins: a full one, or one behind a delta token."""
    if position is None:
        return head.moved(0, removals=False)
    if not position.is_end:
        return position
    return head.moved(position.after, removals=head.removals)


def _advanced(position: Position, reached: int) -> Position:
    """Return the position behind a row; a full run that has come to its end reports removals."""
    removals = position.removals or reached == position.until
    return position.moved(reached, removals=removals)


def _slice(rows: Sequence[Any], after: Position, head: Position, settings_digest: str) -> Slice:
    """Separate entries and removals, a column at a time: pages are long."""
    if not rows:
        return Slice([], [], [], 0, after, head, settings_digest)
    _, reasons, changed, lines = zip(*rows, strict=True)
    if not _NO_OCTETS.isdisjoint(map(type, lines)):
        raise JournalDamaged("a line of a person is none")
    order = [reason is None for reason in reasons]
    removed = [*compress(lines, map(not_, order))]
    entries = [*compress(lines, order)]
    latest = checked_time(max(changed))
    return Slice(entries, removed, order, latest, after, head, settings_digest)
