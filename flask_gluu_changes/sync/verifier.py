"""Compares what a job knows with what the source has now."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Table, and_, false, select

from .altered import altered_rows
from .records import body_of, digest_of
from .source import Source, SourceBatch
from .state import Known, State

UNKNOWN = bytes(16)
"""The digest of a content that has to be read again."""


@dataclass(slots=True)
class Differences:
    """Ids of those who are not as they should be.

    Attributes:
        missing: Who is at the source, and not known.
        extra: Who is known, and not at the source.
        stale: Who is known with another version or content than the source has.
        rows_missing: Who is known, and has no row in the table.
        rows_extra: Who has a row in the table, and is not known.
        rows_altered: Who has a row in the table that somebody edited.
        pending: How many have changed since the last run, and are no difference.
        compared: How many are at the source.
    """

    missing: set[str] = field(default_factory=set)
    extra: set[str] = field(default_factory=set)
    stale: set[str] = field(default_factory=set)
    rows_missing: set[str] = field(default_factory=set)
    rows_extra: set[str] = field(default_factory=set)
    rows_altered: set[str] = field(default_factory=set)
    pending: int = 0
    compared: int = 0

    def __bool__(self) -> bool:
        return any(self.by_name().values())

    def by_name(self) -> dict[str, set[str]]:
        """Return the ids by what is wrong with them."""
        return {
            "missing": self.missing,
            "extra": self.extra,
            "stale": self.stale,
            "without a row": self.rows_missing,
            "only in the table": self.rows_extra,
            "edited in the table": self.rows_altered,
        }

    def leave_out(self, pending: set[str]) -> None:
        """Forget those who changed since the last run."""
        compared = self.missing, self.extra, self.stale, self.rows_altered
        touched = pending.intersection(set[str]().union(*compared))
        self.pending = len(touched)
        for ids in compared:
            ids -= touched

    def line(self) -> str:
        """Return the comparison in one line."""
        if not self:
            later = f"; {self.pending} changed since the last run" if self.pending else ""
            return f"verify: {self.compared} people are equal{later}"
        told = ", ".join(f"{len(ids)} {name}" for name, ids in self.by_name().items() if ids)
        return f"verify: of {self.compared} people, {told}"


def compare(
    state: State, outline: Source, source: Source, position: str, people: Table | None = None
) -> Differences:
    """Return how the index differs from the source, and rows from the index.

    Args:
        state: The state.
        outline: The source, which may leave attributes out where it tells versions.
        source: The source as the state was kept from it.
        position: Where the state is; who changed since then is no difference.
        people: The table of people, where it is in the database of the state.
    """
    told, partial = _told(outline)
    found = Differences(compared=len(told))
    for known in state.everybody():
        mark = told.pop(known.id, None)
        if mark is None:
            found.extra.add(known.id)
        elif mark != _mark(known, outline):
            found.stale.add(known.id)
    found.missing = {*told}
    if people is not None:
        found.rows_altered.update(altered_rows(state, people, partial))
    if found:
        found.leave_out(_pending(source, position))
    return found


def compare_table(state: State, people: Table, found: Differences, *, keeps: bool) -> None:
    """Add how the table of people differs from the index; keeps: rows of those who are gone."""
    index = state.tables.index
    both = index.join(people, people.c.id == index.c.id, isouter=True)
    no_row = people.c.id.is_(None) if keeps else people.c.active.is_not(True)
    lost = select(index.c.id).select_from(both).where(index.c.digest.is_not(None), no_row)
    known = and_(index.c.id == people.c.id, index.c.digest.is_not(None))
    extra = select(people.c.id).where(people.c.active, ~select(index.c.id).where(known).exists())
    with state.database.transaction() as connection:
        found.rows_missing = {*connection.scalars(lost)}
        found.rows_extra = {*connection.scalars(extra.where(false()) if keeps else extra)}


def doubt(state: State, found: Differences) -> None:
    """Have the next reading of everybody settle each difference, within its brake."""
    rows: list[Known] = []
    with state.database.transaction() as connection:
        ids = [*found.stale, *found.rows_missing, *found.rows_altered]
        known = state.known(connection, ids)
        rows += [Known(k.id, k.version, UNKNOWN, k.inum) for k in known.values()]
        rows += [Known(id_, 0, UNKNOWN, "") for id_ in found.rows_extra]
        state.write(connection, rows)


def _told(outline: Source) -> tuple[dict[str, int | bytes], set[str]]:
    """Return the version of everybody at the source, or a digest where it tells none.

    Also return of whom it leaves something out.
    """
    told, partial = dict[str, int | bytes](), set[str]()
    for batch in outline.read("", full=True):
        if batch.first:
            told.clear()
        _note(told, batch, has_versions=outline.level == "exact")
        partial.update(change.id for change in batch.changes if change.omitted)
    return told, partial


def _note(told: dict[str, int | bytes], batch: SourceBatch, *, has_versions: bool) -> None:
    for change in batch.changes:
        if change.kind == "removed":
            told.pop(change.id, None)
        else:
            told[change.id] = change.version if has_versions else digest_of(body_of(change))


def _mark(known: Known, outline: Source) -> int | bytes:
    return known.version if outline.level == "exact" else known.digest


def _pending(source: Source, position: str) -> set[str]:
    """Return who changed since a position; nobody where everybody had to be read."""
    changed: set[str] = set()
    for batch in source.read(position, full=False) if position else ():
        if batch.full:
            return set()
        changed.update(change.id for change in batch.changes)
    return changed
