"""A replica of a journal in a file, which catches up when it is told to, and may be away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, event

from flask_gluu_changes.journal.backend import JournalBackend

from .journals import Journal, file_engine


class LaggingCopy:
    """The state of a journal as it was when it was last copied, and a backend that reads it.

    asked: how many transactions that backend began at the primary. looks: one for each at the copy.
    """

    def __init__(self, journal: Journal, folder: Path) -> None:
        folder.mkdir()
        self._journal = journal
        self.engine = file_engine(folder)
        self.asked = 0
        self.looks = threading.Semaphore(0)
        _on_begin(self.engine, self.looks.release)
        self._primary = file_engine(Path(str(journal.engine.url.database)).parent)
        _on_begin(self._primary, self._count)
        self.backend = JournalBackend(self._primary, replica=self.engine)
        self.catch_up()

    def catch_up(self) -> None:
        """Become what the journal is."""
        _copy(self._journal.engine, self.engine)

    def await_looks(self, number: int) -> None:
        """Return when it was read so often from now on."""
        while self.looks.acquire(blocking=False):
            pass
        for _ in range(number):
            self.looks.acquire()

    def break_down(self) -> None:
        """Answer nothing any more."""
        self._run("ALTER TABLE gluu_changes_state RENAME COLUMN head TO away")

    def recover(self) -> None:
        """Answer again."""
        self._run("ALTER TABLE gluu_changes_state RENAME COLUMN away TO head")

    def lose_primary(self) -> None:
        """Have the primary answer nothing any more."""
        with self._journal.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE gluu_changes_state RENAME COLUMN head TO away")

    def _run(self, statement: str) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def _count(self) -> None:
        self.asked += 1


def _on_begin(engine: Engine, act: Callable[[], object]) -> None:
    """Do something whenever a transaction begins, whoever connected."""

    def notice(statement: str) -> None:
        if statement.startswith("BEGIN"):
            act()

    event.listen(engine, "connect", lambda connection, _: connection.set_trace_callback(notice))


def _copy(source: Engine, target: Engine) -> None:
    read, written = source.raw_connection(), target.raw_connection()
    try:
        read.driver_connection.backup(written.driver_connection)  # type: ignore[union-attr]
    finally:
        read.close()
        written.close()
