"""An application with everything that operators see, over a file of people that can be broken.

As a program it is served by gunicorn or runs `follow`; a test breaks it by files in its folder.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Flask

from flask_gluu_changes import Backend, BackendUnavailable, ChangesQuery, Entry, GluuChanges
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.protocol import Position, Slice

from .markers import TOKEN_SECRET

FOLDER = "OBSERVED_FOLDER"
AWAY, SLOW = "away", "slow"
"""Files that, while they are there, make the source unreachable, and each page slow."""

GUNICORN = """
from prometheus_client import multiprocess
def child_exit(server, worker):
    multiprocess.mark_process_dead(worker.pid)
"""


class FileBackend(Backend):
    """People in a file of JSON."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        if (self.folder / AWAY).exists():
            raise BackendUnavailable("the file of people is away")
        people = json.loads((self.folder / "people.json").read_text())
        return filter(query.matches, people)


class SlowJournal(JournalBackend):
    """A journal whose pages take long, if that is asked for."""

    folder: Path

    def read_joined(self, position: Position | None, size: int, separator: bytes) -> Slice:
        if (self.folder / SLOW).exists():
            time.sleep(1.1)
        return super().read_joined(position, size, separator)


def write_people(folder: Path, *names: str) -> None:
    """Have the source hold these people, and nobody else."""
    people = [{"uid": [name], "inum": [name], "updatedAt": ["20240101000000Z"]} for name in names]
    new = folder / "people.json.new"
    new.write_text(json.dumps(people))
    new.replace(folder / "people.json")


def settings(folder: Path, **more: Any) -> dict[str, str]:
    """Return the environment in which the application is made."""
    chosen = {
        "JOURNAL_URL": f"sqlite:///{folder}/journal.db",
        "METRICS": "true",
        "READY_LAG": "3",
        "FOLLOW_INTERVAL": "0.2",
        "FOLLOW_LAG": "0",
        "FOLLOW_SWEEP": "0.3",
        "FOLLOW_LEASE": "3",
        "PAGING_FOLDER": f"{folder}/paging",
        **more,
    }
    return {
        FOLDER: str(folder),
        "FLASK_SECRET_KEY": TOKEN_SECRET,
        **{f"FLASK_GLUU_CHANGES_{name}": str(value) for name, value in chosen.items()},
    }


def create_app() -> Flask:
    """Make the application as the environment says."""
    app = Flask(__name__)
    app.config.from_prefixed_env()
    folder = Path(os.environ[FOLDER])
    backend = SlowJournal.from_config(app.config, source=FileBackend(folder))
    assert isinstance(backend, SlowJournal)
    backend.folder = folder
    GluuChanges(app, backend=backend)
    return app
