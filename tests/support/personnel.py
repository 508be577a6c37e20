"""A personnel system that writes exports, as the example of a backend reads them."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from example_app.hr import COLUMNS, SEPARATOR, HrBackend
from flask_gluu_changes.testing import LONG_AGO, NOON, Attributes
from flask_gluu_changes.timestamps import EPOCH, MICROSECOND, from_micros, parse_generalized_time

HEADER = (*COLUMNS, "remark")
TIMES = ("oxCreationTimestamp", "updatedAt")
Row = Mapping[str, str]


def export(folder: Path, time: datetime, rows: Iterable[Row], name: str = "") -> Path:
    """Write an export as the personnel system does, at a time."""
    path = folder / f"people-{name or time.strftime('%Y%m%dT%H%M%S.%f')}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, HEADER, restval="")
        writer.writeheader()
        writer.writerows(rows)
    stamp = (time - EPOCH) // MICROSECOND * 1000
    os.utime(path, ns=(stamp, stamp))
    return path


class PersonnelSystem:
    """Writes an export at each time that the people have, as a real one would have done."""

    def __init__(self, folder: Path) -> None:
        self.backend = HrBackend(folder)
        self._folder = folder
        self._people: dict[str, Attributes] = {}
        self._export()

    def add(self, inum: str, attributes: Attributes) -> None:
        """Enter somebody, without a time: now, which is noon."""
        times = {} if set(TIMES) & attributes.keys() else {TIMES[0]: [f"{NOON:%Y%m%d%H%M%S}.5Z"]}
        self.change(inum, {**attributes, **{k: [v[0].encode()] for k, v in times.items()}})

    def change(self, inum: str, attributes: Attributes) -> None:
        """Change somebody's row."""
        self._people[inum] = {**self._people.get(inum, {}), **attributes}
        self._export()

    def remove(self, inum: str) -> None:
        """Take somebody off the list."""
        del self._people[inum]
        self._export()

    def _export(self) -> None:
        moments = sorted({LONG_AGO, *(t for who in self._people for t in self._times(who))})
        for old in self._folder.glob("people-*.csv"):
            old.unlink()
        for moment in moments:
            rows = [self._row(who, moment) for who in self._people if moment >= self._times(who)[0]]
            export(self._folder, moment, rows)

    def _times(self, inum: str) -> list[datetime]:
        person = self._people[inum]
        values = [person[name][0].decode() for name in TIMES if name in person]
        return sorted(from_micros(parse_generalized_time(value)[1]) for value in values)

    def _row(self, inum: str, moment: datetime) -> Row:
        """Write a row as it stood at a moment: the remark is what an update changes."""
        values = {"inum": [inum.encode()], **self._people[inum]}
        shown = {column: values.get(name, []) for column, name in COLUMNS.items()}
        cells = {column: SEPARATOR.join(v.decode() for v in vs) for column, vs in shown.items()}
        return {**cells, "remark": str(max(t for t in self._times(inum) if t <= moment))}
