"""Whose row in the table of people is not what the job wrote: somebody edited it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Table, Text, select, type_coerce

from ..client import Change
from .records import body_of, digest_of
from .state import ROWS, State


def altered_rows(state: State, people: Table, partial: Collection[str]) -> Iterator[str]:
    """Yield the ids of those whose row has another content than the index knows.

    partial: of whom the source leaves something out, which is a part of the content that the index
    knows, and not of the row.
    """
    index = state.tables.index
    columns = people.c.id, people.c.inum, people.c.version, type_coerce(people.c.attributes, Text)
    query = (
        select(*columns, index.c.version, index.c.digest)
        .join(index, index.c.id == people.c.id)
        .where(index.c.digest.is_not(None))
    )
    with state.database.transaction() as connection:
        for row in connection.execute(query, execution_options={"yield_per": ROWS}):
            if row[0] not in partial and _is_altered(row):
                yield row[0]


def _is_altered(row: Any) -> bool:
    """Return whether a row is another one; the index may know of a later version of the same."""
    id_, inum, version, attributes, known_version, digest = row
    try:
        content = json.loads(attributes) if isinstance(attributes, str) else attributes
        change = Change(id_, version, "updated", inum, content)
        return version > known_version or digest_of(body_of(change)) != bytes(digest)
    except (TypeError, ValueError):
        return True
