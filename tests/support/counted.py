"""The application of a node that counts what all its workers read from the store of people."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from flask import Flask

from flask_gluu_changes import Backend, ChangesQuery, Entry, GluuChanges
from flask_gluu_changes.backends.sql import SqlBackend
from flask_gluu_changes.encoder import EncodedEntry
from flask_gluu_changes.journal.backend import JournalBackend

COUNT = "LOOKS_FILE"


T = TypeVar("T")


def _counted(answer: Iterator[T]) -> Iterator[T]:
    """Note that an answer was begun, and that it was read to its end."""
    _note("b")
    yield from answer
    _note("e")


def _note(what: str) -> None:
    with Path(os.environ[COUNT]).open("a") as file:
        file.write(what)


class CountedSql(SqlBackend):
    """People in tables."""

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        """Count the look."""
        return _counted(super().changes(query))


class CountedJournal(JournalBackend):
    """People in a journal."""

    def encoded(self, query: ChangesQuery) -> Iterator[EncodedEntry]:
        """Count the look."""
        return _counted(super().encoded(query))


def create_app() -> Flask:
    """Return an application over what the environment names."""
    app = Flask("counted")
    app.config.from_prefixed_env()
    app.config.update(GLUU_CHANGES_PROTECTION="bypass", GLUU_CHANGES_ALLOW_BYPASS=True)
    journal = "GLUU_CHANGES_JOURNAL_URL" in app.config
    kind: type[CountedSql | CountedJournal] = CountedJournal if journal else CountedSql
    backend: Backend = kind.from_config(app.config)
    GluuChanges(app, backend=backend)
    return app
