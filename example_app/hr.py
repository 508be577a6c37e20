"""A backend as you would write your own: people from the exports of a personnel system.

The system writes all of its staff into a new file `people-….csv` now and then. It does not record
changes, so they are found by comparing each export with the one before it:

- The newest export holds all people. A row that is the same in a run of exports up to the newest
  counts as changed when the first file of that run was written, which is the time of that file.
- Old exports may be deleted: their people then count as changed a little later, and are served once
  more. So no change is lost, and no state has to be kept.

It can see neither what was changed and changed back between two exports, nor when between them a
change was made, nor deletions (the operation has none). A file must get its name only when it is
complete (write `people-….part`, then rename it), and have the time at which it was written.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from flask_gluu_changes import Backend, BackendRefused, BackendUnavailable, ChangesQuery, Entry

Row: TypeAlias = Mapping[str, str]
Version: TypeAlias = tuple[tuple[str, int, int], ...]
"""Names, times and sizes of all exports: while these are the same, the people are too."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS: Mapping[str, str] = {
    "number": "inum",
    "login": "uid",
    "name": "cn",
    "surname": "sn",
    "e-mail": "mail",
    "place": "l",
}
"""Columns of an export to the attributes that clients get; other columns are not shown."""

SEPARATOR = "|"
"""Separates the values in one cell."""


@dataclass(frozen=True)
class Since:
    """A row, when its number first appeared, and since when it has been as it is."""

    row: Row
    created: datetime
    updated: datetime


class HrBackend(Backend):
    """Serves the people of the newest export in a folder, with times from all of them."""

    def __init__(self, folder: Path, columns: Mapping[str, str] = COLUMNS) -> None:
        self._folder = folder
        self._columns = columns
        self._key = next(column for column, name in columns.items() if name == "inum")
        self._known: tuple[Version, list[Entry]] = (), []

    def store_name(self) -> str:
        """Return the folder, from which all workers read the same exports."""
        return str(self._folder.absolute())

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        """Yield the matching people as the exports are at the time of the call."""
        try:
            return filter(query.matches, self._people())
        except OSError as error:
            raise BackendUnavailable(f"an export cannot be read: {error}") from error

    def _people(self) -> list[Entry]:
        """Read the exports if they changed since the last time; two threads may both do so."""
        exports = self._exports()
        version = tuple((path.name, time, size) for time, path, size in exports)
        known, people = self._known
        if version != known:
            people = self._read([(time, path) for time, path, _ in exports])
            self._known = version, people
        return people

    def _exports(self) -> list[tuple[int, Path, int]]:
        """Return the exports, oldest first; without any, the store is unavailable."""
        found = [(path, path.stat()) for path in self._folder.glob("people-*.csv")]
        if not found:
            raise BackendUnavailable(f"there is no people-….csv in {self._folder} yet")
        return sorted((status.st_mtime_ns, path, status.st_size) for path, status in found)

    def _read(self, exports: list[tuple[int, Path]]) -> list[Entry]:
        people: dict[str, Since] = {}
        for nanoseconds, path in exports:
            time = EPOCH + timedelta(microseconds=nanoseconds // 1000)
            people = dict(self._compared(people, self._rows(path), time))
        return [self._entry(person) for person in people.values()]

    def _compared(
        self, before: Mapping[str, Since], rows: Mapping[str, Row], time: datetime
    ) -> Iterator[tuple[str, Since]]:
        for number, row in rows.items():
            old = before.get(number)
            same = old is not None and old.row == row
            yield number, old if old and same else Since(row, old.created if old else time, time)

    def _rows(self, path: Path) -> dict[str, Row]:
        """Return the rows of an export by number; one with an error is refused as a whole."""
        with path.open(encoding="utf-8-sig", newline="") as file:
            try:
                rows = list(csv.DictReader(file, strict=True, restkey="", restval=None))
            except (csv.Error, UnicodeDecodeError) as error:
                raise BackendRefused(f"{path} is no CSV file in UTF-8: {error}") from error
        found: dict[str, Row] = {row[self._key]: row for row in rows if self._is_whole(row)}
        if len(found) < len(rows):
            raise BackendRefused(f"{path} has rows of a wrong length, or numbers not once each")
        return found

    def _is_whole(self, row: Row) -> bool:
        """Return whether a row has all of its cells, no more, and a number."""
        return bool(row.get(self._key)) and None not in row.values() and "" not in row

    def _entry(self, person: Since) -> Entry:
        values = {
            name: person.row[column].split(SEPARATOR)
            for column, name in self._columns.items()
            if person.row.get(column)
        }
        times = {"oxCreationTimestamp": [person.created], "updatedAt": [person.updated]}
        return {**values, **times}
