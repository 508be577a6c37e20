"""What the journal should hold of an identity by its source, and in what it holds another thing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Engine, RowMapping, bindparam, select

from ...errors import GluuChangesError
from ...follower import Upserted
from ..failures import journal_errors
from ..quarantine import Unwritable
from ..records import Identity, IdentityEncoder, IdTooLong, body_of, line_of, removal_of
from ..tables import ENTRIES, HELD, QUARANTINE, STATE, parts_of, reader_engine

ROWS_AT_ONCE = 1000

LEAST_SEQ = 1 - 2**62
"""Less than what anybody would write by hand."""

_BEYOND = (ENTRIES.c.seq > select(STATE.c.head).scalar_subquery()).label("beyond")
_BY_ID = select(ENTRIES, _BEYOND).where(ENTRIES.c.id.in_(bindparam("ids", expanding=True)))
_LIVING = (
    select(ENTRIES.c.seq, ENTRIES.c.id)
    .where(ENTRIES.c.seq > bindparam("after"), ENTRIES.c.removed.is_(None))
    .order_by(ENTRIES.c.seq)
    .limit(ROWS_AT_ONCE)
)
_REMOVED = (
    select(ENTRIES, _BEYOND)
    .where(ENTRIES.c.seq > bindparam("after"), ENTRIES.c.removed.isnot(None))
    .order_by(ENTRIES.c.seq)
    .limit(ROWS_AT_ONCE)
)
_COLUMNS: tuple[str, ...] = ("inum", "uid", "changed_at", "counts_until", "sort_key", "digest")
_REASONS = {"deleted", "outOfScope"}

REMOVED = "removed"
"""Names what is told of an identity that is gone."""


class Kind(StrEnum):
    """In what way the journal is not what its source is."""

    MISSING = "missing"
    SUPERFLUOUS = "superfluous"
    DIFFERENT = "different"
    QUARANTINED = "quarantined"
    HELD = "removals held back"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something of an identity that is not as it should be.

    names: attributes or columns that are not; never their values. mark: what tells whether source
    and journal are as they were at another look. found: what should be written, None for nothing.
    """

    kind: Kind
    names: tuple[str, ...]
    mark: object
    found: Identity | Unwritable | None = field(default=None, compare=False)

    @property
    def is_about_nobody(self) -> bool:
        """Whether the source has no such identity."""
        return self.kind is Kind.SUPERFLUOUS or self.names == (REMOVED,)

    @property
    def size(self) -> int:
        """How many octets of JSON should be written."""
        return len(self.found.body) if isinstance(self.found, Identity) else 0


class Notes(NamedTuple):
    """The ids of entries that could not be written, and of those whose removal is held back."""

    set_aside: set[str]
    held: set[str]


class JournalRows:
    """The rows of a journal, a few at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = reader_engine(engine)

    def by_id(self, ids: list[str]) -> dict[str, RowMapping]:
        """Return the rows of some identities."""
        found = (self._rows(_BY_ID, {"ids": part}) for part in parts_of(ids))
        return {row["id"]: row for rows in found for row in rows}

    def living(self) -> Iterator[list[str]]:
        """Yield the ids of all who are not removed; of those who change meanwhile twice."""
        for rows in self._pages(_LIVING):
            yield [row["id"] for row in rows]

    def removed(self) -> Iterator[RowMapping]:
        """Yield the rows of all who are removed."""
        for rows in self._pages(_REMOVED):
            yield from rows

    def notes(self) -> Notes:
        """Return what the journal notes of identities that are not as in the source."""
        tables = (QUARANTINE, HELD)
        return Notes(*({r["id"] for r in self._rows(select(t.c.id), {})} for t in tables))

    def _pages(self, statement: Any) -> Iterator[list[RowMapping]]:
        after = LEAST_SEQ - 1
        while rows := self._rows(statement, {"after": after}):
            yield rows
            after = rows[-1]["seq"]

    def _rows(self, statement: Any, values: dict[str, object]) -> list[RowMapping]:
        with journal_errors(), self._engine.begin() as connection:
            return [*connection.execute(statement, values).mappings()]


def encoded(encoder: IdentityEncoder, event: Upserted) -> Identity | Unwritable:
    """Return what should be written of an entry, or why that is not possible."""
    try:
        return encoder.encode(event.id, event.entry)
    except GluuChangesError:
        raise  # it is about the store
    except Exception as error:  # whatever is wrong with one entry, the others must go on
        return Unwritable(str(error) if isinstance(error, IdTooLong) else type(error).__name__)


@dataclass(frozen=True)
class Comparison:
    """Compares what the journal has of identities with what their source has.

    epoch: of the journal, in which its digests are made.
    """

    epoch: str
    notes: Notes

    def fault(
        self, id_: str, row: RowMapping | None, found: Identity | Unwritable | None
    ) -> Fault | None:
        """Return what is wrong of an identity; None for nothing."""
        kind, names = self._absent(id_, row) if found is None else self._present(id_, row, found)
        if kind is None:
            return None
        content = found.digest_in(self.epoch) if isinstance(found, Identity) else found
        return Fault(kind, names, (content, row and row["seq"], row and row["digest"]), found)

    def _present(
        self, id_: str, row: RowMapping | None, found: Identity | Unwritable
    ) -> tuple[Kind | None, tuple[str, ...]]:
        if id_ in self.notes.set_aside or isinstance(found, Unwritable):
            return Kind.QUARANTINED, ()
        if row is None or row["removed"] is not None:
            return Kind.MISSING, ()
        names = tuple(_differing(row, found, found.digest_in(self.epoch)))
        return (Kind.DIFFERENT if names else None), names

    def _absent(self, id_: str, row: RowMapping | None) -> tuple[Kind | None, tuple[str, ...]]:
        if id_ in self.notes.held:
            return Kind.HELD, ()
        if id_ in self.notes.set_aside or (row is not None and row["removed"] is None):
            return Kind.SUPERFLUOUS, ()
        if row is None or _is_removal(row):
            return None, ()
        return Kind.DIFFERENT, (REMOVED,)


def _is_removal(row: RowMapping) -> bool:
    """Return whether a row tells what its columns say of somebody who is gone."""
    if row["removed"] not in _REASONS or type(row["version"]) is not int or row["beyond"]:
        return False
    told = removal_of(*(row[name] for name in ("id", "inum", "uid", "removed", "version")))
    return _octets(row["line"]) == told


def _differing(row: RowMapping, identity: Identity, digest: bytes) -> Iterator[str]:
    """Yield the names of the attributes that differ, then those of columns."""
    line, version, columns = _octets(row["line"]), row["version"], _COLUMNS
    if type(version) is not int:
        yield "version"
    elif line not in {line_of(identity, version, created=made) for made in (True, False)}:
        yield from _differing_attributes(line, identity.body)
        columns = columns[:-1]  # another content has another digest
    wanted = {**identity._asdict(), "digest": digest}
    for name in columns:
        known = row[name]
        if known != wanted[name] and _octets(known) != wanted[name]:
            yield name
    if row["beyond"]:
        yield "seq"


def _octets(value: object) -> bytes:
    """Return octets as one type, of the several that drivers have; of other values none."""
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else b""


def _differing_attributes(line: bytes, body: bytes) -> list[str]:
    """Name what differs between two objects; `line` where that is nothing within them."""
    try:
        known, wanted = _members(body_of(line)), _members(body)
    except ValueError:
        return ["line"]
    names = known.keys() | wanted.keys()
    return sorted(n for n in names if known.get(n) != wanted.get(n)) or ["line"]


def _members(body: bytes) -> dict[str, Any]:
    found = json.loads(body, parse_int=str)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found
