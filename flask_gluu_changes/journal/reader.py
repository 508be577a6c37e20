"""Reading the journal: every answer is one consistent look at rows, state and commits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from sqlalchemy import Connection, Engine, bindparam, select
from sqlalchemy.exc import SQLAlchemyError

from ..errors import BackendRefused, BackendUnavailable
from .places import Gone, Part, Place, Status
from .state import State, read_state
from .tables import COMMITS, ENTRIES, STATE, reading

T = TypeVar("T")

AT_ONCE = 1000
"""Rows to be held in memory for the timeStamp form."""

NOT_BUILT = "The journal is being built. Try again later."

_ROWS = (
    select(ENTRIES.c.seq, ENTRIES.c.removed, ENTRIES.c.changed_at, ENTRIES.c.line)
    .where(ENTRIES.c.seq > bindparam("after"), ENTRIES.c.seq <= bindparam("until"))
    .order_by(ENTRIES.c.seq)
    .limit(bindparam("most"))
)
_ALIVE = _ROWS.where(ENTRIES.c.removed.is_(None))
_HEAD = select(STATE.c.epoch, STATE.c.head)
_MARK = select(COMMITS.c.mark).where(COMMITS.c.seq == bindparam("seq"))
_SINCE = (
    select(ENTRIES.c.sort_key, ENTRIES.c.changed_at, ENTRIES.c.line)
    .where(ENTRIES.c.removed.is_(None), ENTRIES.c.counts_until >= bindparam("since"))
    .where(ENTRIES.c.counts_until != 0)
)


class JournalReader:
    """Reads pages of runs, and what the timeStamp form needs.

    view: the settings' digest under which the journal must have been filled; None takes any. Every
    method raises BackendUnavailable while the journal is being built or cannot be read.
    """

    def __init__(self, engine: Engine, view: str | None = None) -> None:
        self._engine = reading(engine)
        self._view = view

    def status(self) -> Status:
        """Tell how the journal is, built or not."""
        state = self._look(read_state)
        return Status(
            state.level, state.why, state.epoch, state.head, state.built, state.confirmed_at
        )

    def head(self) -> tuple[str, int]:
        """Give epoch and head, and no more: it is asked fifty times a second."""
        epoch, head = self._look(lambda connection: connection.execute(_HEAD).one())
        return epoch, head

    def latest(self) -> Place:
        """Give the place behind everything there is."""
        return self._look(lambda connection: _end(connection, self._usable(connection)))

    def check(self, place: Place) -> None:
        """Raise Gone for a place that this journal cannot go on from."""
        self._look(lambda connection: _recognize(connection, self._usable(connection), place))

    def part(self, place: Place | None, size: int) -> Part:
        """Read at most `size` rows from a place; None begins a full run.

        Raises Gone for a place of another epoch, of a journal before it was restored, or from
        before the removals that are still known.
        """
        return self._look(lambda c: _part(c, self._usable(c), place, size))

    def since(self, micros: int) -> Iterator[tuple[bytes, int, bytes]]:
        """Yield place of order, change time and line of who counts as changed since a time."""
        with _unavailable_on_errors(), self._engine.begin() as connection:
            self._usable(connection)
            streamed = connection.execution_options(yield_per=AT_ONCE)
            for row in streamed.execute(_SINCE, {"since": micros}):
                yield row.sort_key, row.changed_at, row.line

    def _look(self, read: Callable[[Connection], T]) -> T:
        with _unavailable_on_errors(), self._engine.begin() as connection:
            return read(connection)

    def _usable(self, connection: Connection) -> State:
        """Read the state; what was filled under other settings may hold what is hidden here."""
        state = read_state(connection)
        if not state.built:
            raise BackendUnavailable("the journal is being built", public=NOT_BUILT)
        if self._view is not None and not state.source.endswith(f" as {self._view}"):
            raise BackendRefused(
                "the journal was filled under other settings for what is shown and how; run"
                " `flask gluu-changes follow` with the settings of this application"
            )
        return state


def _part(connection: Connection, state: State, place: Place | None, size: int) -> Part:
    if place is not None:
        _recognize(connection, state, place)
    head = _end(connection, state)
    if place is None:
        place = replace(head, after=0, removals=False)
    elif place.is_end:
        place = replace(head, after=place.after)
    return _read(connection, place, size, head)


def _read(connection: Connection, place: Place, size: int, head: Place) -> Part:
    """Read one row more than is wanted: only that tells whether there are more."""
    bounds = {"after": place.after, "until": place.until, "most": size + 1}
    rows = connection.execute(_ROWS if place.removals else _ALIVE, bounds).all()
    shown = rows[:size]
    reached = shown[-1].seq if len(rows) > size else place.until
    order = [removed is None for _, removed, _, _ in shown]
    return Part(
        entries=[line for _, removed, _, line in shown if removed is None],
        removed=[line for _, removed, _, line in shown if removed is not None],
        order=order,
        latest=max((changed for _, _, changed, _ in shown), default=0),
        next=replace(place, after=reached, removals=place.removals or reached == place.until),
        head=head,
    )


def _recognize(connection: Connection, state: State, place: Place) -> None:
    if place.epoch != state.epoch:
        raise Gone("the journal has begun a new epoch")
    if place.removals and place.after < state.floor:
        raise Gone("removals since then have been forgotten")
    if connection.scalar(_MARK, {"seq": place.until}) != place.mark:
        raise Gone("the journal has been restored or pruned since then")


def _end(connection: Connection, state: State) -> Place:
    return Place(state.epoch, state.head, state.head, _mark(connection, state.head), removals=True)


def _mark(connection: Connection, head: int) -> str:
    mark = connection.scalar(_MARK, {"seq": head})
    if mark is None:
        raise BackendUnavailable("the journal has no commit for its head; it was tampered with")
    return str(mark)


@contextmanager
def _unavailable_on_errors() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise BackendUnavailable(f"the journal cannot be read: {error}") from error
