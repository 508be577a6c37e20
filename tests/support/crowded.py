"""A journal and a host's home page, served by real servers to polite and to rude clients."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx
from flask import Flask

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.tables import METADATA, open_engine
from flask_gluu_changes.journal.writer import WriteBatch
from flask_gluu_changes.web import long_answers
from tests.support.journals import Journal
from tests.support.markers import TOKEN_SECRET
from tests.support.processes import HOST, free_port
from tests.support.servers import Server

HOME = "at home"


def create_app() -> Flask:
    """Make the host; `GRACE` is the time that a slow reader has, in seconds."""
    long_answers.GRACE = float(os.environ.get("GRACE", long_answers.GRACE))
    app = Flask("crowded")
    app.config.from_prefixed_env()
    GluuChanges(app, backend=JournalBackend(app.config["GLUU_CHANGES_JOURNAL_URL"]))
    app.add_url_rule("/", "home", lambda: HOME)
    app.add_url_rule("/worker", "worker", lambda: str(os.getpid()))
    return app


def fill(url: str, people: int, octets: int) -> None:
    """Fill a journal with people of so many octets."""
    engine = open_engine(url)
    METADATA.create_all(engine)
    journal = Journal(engine)
    batch = WriteBatch()
    for number in range(people):
        name = f"person{number:06d}"
        entry = {"inum": [name], "uid": [name], "description": ["x" * octets]}
        batch.put(journal.identity(name, entry))
    journal.writer.commit(batch)
    journal.backend.close()


def environment(folder: Path, **settings: object) -> dict[str, str]:
    """Return the settings of an application over the journal in a folder."""
    keys = {"JOURNAL_URL": f"sqlite:///{folder}/journal.db", "PROTECTION": "bypass"}
    keys |= {"ALLOW_BYPASS": "true", **{name.upper(): str(v) for name, v in settings.items()}}
    named = {f"FLASK_GLUU_CHANGES_{name}": value for name, value in keys.items()}
    return {**named, "FLASK_SECRET_KEY": TOKEN_SECRET}


class CrowdedServer(Server):
    """The host in a real server.

    command: the server's own, where {address} stands for the host and the port.
    """

    def __init__(self, environment: Mapping[str, str], *command: str) -> None:
        super().__init__()
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        settings = [f"{name}={value}" for name, value in environment.items()]
        address = f"{HOST}:{self.port}"
        self._command = ["env", *settings, *(part.format(address=address) for part in command)]

    def start(self) -> None:
        """Serve, and return when the home page is answered."""
        self.run(self._command, self.answers)

    def stop(self) -> None:
        """End it: who is slow must not keep it up."""
        self.end(9)

    def answers(self) -> bool:
        """Tell whether anybody is at home."""
        with suppress(httpx.TransportError):
            return httpx.get(self.url, timeout=5).text == HOME
        return False

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self._log.read_text(errors="replace")


def gunicorn(*options: str) -> list[str]:
    """Return the command of gunicorn with these options."""
    command = [sys.executable, "-m", "gunicorn", "tests.support.crowded:create_app()"]
    return [*command, "--bind", "{address}", "--keep-alive", "60", *options]


def waitress(threads: int) -> list[str]:
    """Return the command of waitress; only with its option it tells who has gone."""
    options = [f"--threads={threads}", "--listen={address}", "--channel-request-lookahead=1"]
    command = [sys.executable, "-m", "waitress", *options]
    return [*command, "--call", "tests.support.crowded:create_app"]
