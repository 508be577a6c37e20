"""The application of a node whose workers note each look at the store: process and moment."""

from __future__ import annotations

import os
from pathlib import Path
from time import monotonic

from flask import Flask

from flask_gluu_changes import ChangesQuery, GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.protocol import Status

LOOKS = "LOOKS_FILE"


def looks_in(file: Path) -> dict[int, list[float]]:
    """Return when each process looked, by its id."""
    found: dict[int, list[float]] = {}
    for line in file.read_text().splitlines():
        process, moment = line.split()
        found.setdefault(int(process), []).append(float(moment))
    return found


def _note() -> None:
    with Path(os.environ[LOOKS]).open("a") as file:
        file.write(f"{os.getpid()} {monotonic()}\n")


class ProbedPeople(MemoryBackend):
    """People in memory."""

    def ping(self, query: ChangesQuery) -> None:
        """Note the look."""
        _note()
        super().ping(query)


class ProbedJournal(JournalBackend):
    """People in a journal."""

    def status(self) -> Status:
        """Note the look."""
        _note()
        return super().status()


def create_app() -> Flask:
    """Return an application over the journal that the environment names, else over nobody."""
    app = Flask("probed")
    app.config.from_prefixed_env()
    app.config.update(GLUU_CHANGES_PROTECTION="bypass", GLUU_CHANGES_ALLOW_BYPASS=True)
    journal = "GLUU_CHANGES_JOURNAL_URL" in app.config
    GluuChanges(app, backend=ProbedJournal.from_config(app.config) if journal else ProbedPeople())
    return app
