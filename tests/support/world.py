"""A directory, and a journal that follows it: late, out of order, restarted, pruned, restored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, delete, insert, select

from flask_gluu_changes.journal.tables import COMMITS, ENTRIES, STATE, UNKNOWN_COMMITS, now
from flask_gluu_changes.journal.writer import DELETED, OUT_OF_SCOPE, WriteBatch
from flask_gluu_changes.model import Entry

from .journals import Journal

BEGINNING = datetime(2024, 1, 1, tzinfo=UTC)
TABLES = (ENTRIES, COMMITS, STATE, UNKNOWN_COMMITS)

Content = tuple[str, str, int]
"""Of a person: uid, mail, and when it was updated by the clock of who wrote it, in s."""


Copy = list[list[dict[str, Any]]]
"""The rows of a journal's tables."""


def copy_of(engine: Engine) -> Copy:
    """Copy a journal."""
    with engine.begin() as connection:
        copies = [connection.execute(select(table)).mappings().all() for table in TABLES]
    return [[dict(row) for row in rows] for rows in copies]


def put_back(engine: Engine, copy: Copy) -> None:
    """Have a copy take the place of a journal, as of a database that failed over."""
    with engine.begin() as connection:
        for table, rows in zip(TABLES, copy, strict=True):
            connection.execute(delete(table))
            if rows:
                connection.execute(insert(table), rows)


class World:
    """People by id, of whom those in scope are followed.

    people: as the directory has them. followed: as the journal has been told.
    """

    def __init__(self, journal: Journal, blank: Copy) -> None:
        self.journal = journal
        self._put_back(blank)
        self.people: dict[str, Content] = {}
        self.followed: dict[str, Content] = {}
        self.out_of_scope: set[str] = set()
        self._untold: dict[str, str] = {}
        self._backup: Copy | None = None
        self._time = 0
        self._epochs = 0

    def write(self, id_: str, uid: str, mail: str, *, skew: int = 0, late: bool = False) -> None:
        """Write a person by a clock that is wrong by `skew` seconds; the journal may hear late."""
        self._time += 1
        self.people[id_] = (uid, mail, self._time + skew)
        self.tell(id_, DELETED, late=late)

    def delete(self, id_: str, *, late: bool = False) -> None:
        """Delete a person, if there is one."""
        self.people.pop(id_, None)
        self.tell(id_, DELETED, late=late)

    def move(self, id_: str, *, late: bool = False) -> None:
        """Move a person out of the scope, or back into it."""
        self.out_of_scope ^= {id_}
        self.tell(id_, OUT_OF_SCOPE, late=late)

    def tell(self, id_: str, reason: str, *, late: bool) -> None:
        """Have the journal hear of a person, now or later."""
        self._untold[id_] = reason
        if not late:
            self._commit({id_: self._untold.pop(id_)})

    def catch_up(self) -> None:
        """Have the journal hear of everything, in one transaction."""
        self._commit(self._untold)
        self._untold = {}

    def begin_epoch(self, *, read: bool) -> None:
        """Follow another source, such as the same with another filter; perhaps not read it yet."""
        self._epochs += 1
        self.journal.writer.follow(f"source {self._epochs}", "exact", "")
        if read:
            self.read_everybody()

    def read_everybody(self) -> None:
        """Compare the journal with the directory, as an ingester does that lost its place."""
        known = self.journal.writer.inums()
        self._untold, self.followed = {}, {}
        self._commit(dict.fromkeys([*self.people, *sorted(known)], DELETED), built=True)

    def read_if_needed(self) -> None:
        """Let the journal be built, where it was left unread."""
        if not self.journal.writer.state().built:
            self.read_everybody()

    def heed_clients(self) -> None:
        """Begin an epoch where a token shows that the journal was restored, as `follow` does."""
        if self.journal.writer.was_restored():
            self.begin_epoch(read=True)

    def prune(self) -> None:
        """Forget all removals and all marks but the last."""
        self.journal.writer.prune(now() + 1)

    def restart(self) -> None:
        """Close what is open, and have another ingester take over."""
        self.journal.restart()

    def back_up(self) -> None:
        """Copy the journal."""
        self._backup = copy_of(self.journal.engine)

    def restore(self) -> None:
        """Put the copy in place, and follow the directory from there."""
        if self._backup is not None:
            self._put_back(self._backup)
            self.read_everybody()

    def _put_back(self, copy: Copy) -> None:
        put_back(self.journal.engine, copy)
        self.journal.restart()

    def view(self) -> dict[str, dict[str, list[str]]]:
        """Give what clients should see, as the journal has been told."""
        return {id_: shown(id_, content) for id_, content in self.followed.items()}

    def _commit(self, told: dict[str, str], *, built: bool | None = None) -> None:
        batch = WriteBatch(built=built)
        for id_, reason in told.items():
            if id_ in self.people and id_ not in self.out_of_scope:
                content = self.people[id_]
                self.followed[id_] = content
                batch.put(self.journal.identity(id_, _entry(id_, content)))
            else:
                self.followed.pop(id_, None)
                batch.remove(id_, reason)
        self.journal.writer.commit(batch)


def shown(id_: str, content: Content) -> dict[str, list[str]]:
    """Write a person as clients see it."""
    uid, mail, seconds = content
    time = (BEGINNING + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"inum": [id_], "mail": [mail], "updatedAt": [time], "uid": [uid]}


def _entry(id_: str, content: Content) -> Entry:
    """Write a person as directories have it."""
    time = (BEGINNING + timedelta(seconds=content[2])).strftime("%Y%m%d%H%M%SZ")
    return {**shown(id_, content), "updatedAt": [time]}
