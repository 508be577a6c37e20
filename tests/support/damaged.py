"""A small journal in a file whose bits flip, and all that reads or fills it, each asked alone."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask, got_request_exception
from werkzeug.test import TestResponse

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.errors import GluuChangesError
from flask_gluu_changes.follower import SnapshotProgress
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.ingest.service import run_ingest
from flask_gluu_changes.journal.tables import HELD, QUARANTINE, open_engine
from flask_gluu_changes.testing import NOON, person

from .apps import OPERATION
from .markers import TOKEN_SECRET
from .memory_people import MemoryPeople
from .stopping import Stop

VALUE = "valueofsomebody"
"""In the name of each person: nobody but clients may see it."""

GROUP = "gluu-changes"
COMMANDS: Mapping[str, list[str]] = {
    "doctor": [GROUP, "doctor"],
    "status": [GROUP, "status"],
    "status for programs": [GROUP, "status", "--format", "json"],
    "status for Nagios": [GROUP, "status", "--format", "nagios"],
    "list": [GROUP, "list", "--since", "2000-01-01T00:00:00Z"],
    "verify": [GROUP, "verify"],
    "repair": [GROUP, "verify", "--repair"],
    "confirm-removals": [GROUP, "confirm-removals"],
    "new-epoch": [GROUP, "new-epoch"],
}
FORMS: Mapping[str, Mapping[str, Any]] = {
    "by time": {"timeStamp": "2000-01-01T00:00:00Z", "start": 0, "pagesize": 10},
    "everybody": {"cursor": ""},
    "by pages": {"cursor": "", "count": 2},
    "a later page": {"cursor": "the second"},
    "a delta": {"deltaToken": "the first"},
    "from now on": {"deltaToken": "latest"},
    "some attributes": {"cursor": "", "attributes": "uid"},
}
PATHS = ("/status", "/readyz", "/livez", "/metrics")
NDJSON = {"Accept": "application/x-ndjson"}
FAILURES = {400, 410, 503}


class DamagedJournal:
    """Seven people, one of whom was removed; something set aside; a removal held back."""

    def __init__(self, folder: Path) -> None:
        self._whole = folder / "whole.db"
        self.file = folder / "journal.db"
        self.people = MemoryPeople()
        for number in range(1, 8):
            self.people.add(str(number), person(f"{VALUE}{number}", updated=NOON))
        self._fill(self._whole, 3)
        self._tokens = self._read_tokens()
        self.people.remove("7")
        self._fill(self._whole, 8)
        self._set_aside()

    def damage(self, how: Callable[[Path], object]) -> None:
        """Begin with a whole journal, and damage its file."""
        self._clear()
        shutil.copy(self._whole, self.file)
        how(self.file)

    def _clear(self) -> None:
        for end in ("", "-wal", "-shm"):
            Path(f"{self.file}{end}").unlink(missing_ok=True)

    def move_away(self) -> None:
        """Do as the remedy says."""
        self._clear()

    def run(self, name: str) -> tuple[int, str, BaseException | None]:
        """Run a command; return its code, what it prints, and what nobody caught."""
        app = self._app(self.file)
        with closing(_backend(app)):
            result = app.test_cli_runner().invoke(args=COMMANDS[name])
        error = None if isinstance(result.exception, SystemExit) else result.exception
        return result.exit_code, result.output, error

    def get(self, name: str, headers: Mapping[str, str] | None = None) -> TestResponse:
        """Ask in one of the forms, or for one of the paths; raise what nobody foresaw."""
        app, raised = self._app(self.file), list[BaseException]()

        def note(_: object, exception: BaseException, **__: object) -> None:
            raised.append(exception)

        with closing(_backend(app)), got_request_exception.connected_to(note, app):
            answer = self._ask(app, name, headers)
            answer.get_data()
        if raised:
            raise raised[0]
        return answer

    def follow(self, waits: int = 6) -> None:
        """Fill the journal for a while."""
        self._fill(self.file, waits)

    def _ask(self, app: Flask, name: str, headers: Mapping[str, str] | None) -> TestResponse:
        client = app.test_client()
        if name in PATHS:
            return client.get(f"{OPERATION}{name}", headers=headers)
        query = {n: self._tokens.get(v, v) for n, v in FORMS[name].items()}
        return client.get(OPERATION, query_string=query, headers=headers)

    def _read_tokens(self) -> dict[str, str]:
        app = self._app(self._whole)
        with closing(_backend(app)):
            ask = partial(app.test_client().get, OPERATION)
            page = ask(query_string={"cursor": "", "count": 2}).get_json()
            tokens = {"the second": page["nextCursor"]}
            page = ask(query_string={"cursor": ""}).get_json()
        return {**tokens, "the first": page["nextDeltaToken"]["value"]}

    def _fill(self, file: Path, waits: int) -> None:
        run_ingest(_config(file), self.people.backend, Stop(waits), SnapshotProgress())

    def _set_aside(self) -> None:
        engine = open_engine(f"sqlite:///{self._whole}")
        aside = {"key": "k", "id": "a", "at": 1, "reason": "odd"}
        held = {"id": "5", "inum": "5", "reason": "deleted", "at": 1, "confirmed": False}
        with engine.begin() as connection:
            connection.execute(QUARANTINE.insert().values(aside))
            connection.execute(HELD.insert().values(held))
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()

    def _app(self, file: Path) -> Flask:
        app = Flask("damaged")
        app.config.update(TESTING=True, PROPAGATE_EXCEPTIONS=False, SECRET_KEY=TOKEN_SECRET)
        app.config.update(GLUU_CHANGES_PROTECTION="bypass", **_config(file))
        GluuChanges(app, backend=JournalBackend.from_config(app.config, source=self.people.backend))
        return app


def failure(journal: DamagedJournal, name: str) -> str:
    """Return in what something that is asked fails other than by a clear sentence; else nothing."""
    if name == "follow":
        return _of_follow(journal)
    if name in COMMANDS:
        code, output, error = journal.run(name)
        if error is not None or "Traceback" in output:
            return f"{name}: {error!r}"
        seen = "" if name == "list" and code == 0 else output
        return f"{name}: {output}" if VALUE in seen else ""
    return _of_answer(journal, *name.split(", "))


def _of_follow(journal: DamagedJournal) -> str:
    try:
        journal.follow()
    except GluuChangesError:
        return ""  # the command tells it as its sentence
    except Exception as error:
        return f"follow: {error!r}"
    return ""


def _of_answer(journal: DamagedJournal, name: str, form: str = "") -> str:
    try:
        answer = journal.get(name, NDJSON if form else None)
    except BrokenPipeError:
        return ""  # a stream has begun
    except Exception as error:
        return f"{name}: {error!r}"
    if answer.status_code == 200:
        return ""
    return "" if answer.status_code in FAILURES else f"{name}: {answer.status}"


ASKED = (
    "follow",
    *COMMANDS,
    *FORMS,
    *PATHS,
    *(f"{name}, streamed" for name in FORMS if name != "by time"),
)
"""All that reads or fills a journal."""


def _config(file: Path) -> dict[str, Any]:
    settings = {
        "JOURNAL_URL": f"sqlite:///{file}",
        "FOLLOW_INTERVAL": 0.01,
        "FOLLOW_SWEEP": 0.01,
        "SERVER_THREADS": 16,
        "METRICS": True,
    }
    return {f"GLUU_CHANGES_{name}": value for name, value in settings.items()}


def _backend(app: Flask) -> JournalBackend:
    backend = app.extensions["gluu_changes"].feed.backend
    assert isinstance(backend, JournalBackend)
    return backend


class Logged(logging.Handler):
    """Keeps what is logged, exceptions included."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(logging.Formatter().format(record))
