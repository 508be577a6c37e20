"""How much memory a process needs for answers, measured in one of its own.

python -m tests.support.peak KIND URL PATH… asks for each path, and prints the octets of the answers
and by how many MiB the process grew at most.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from flask import Flask
from werkzeug.test import EnvironBuilder

from flask_gluu_changes import Backend, GluuChanges
from flask_gluu_changes.backends.sql import SqlBackend
from flask_gluu_changes.journal.backend import JournalBackend

from .apps import OPERATION
from .markers import TOKEN_SECRET

PATIENCE = 100.0


class Need(NamedTuple):
    """The octets that were answered, and the MiB by which the process grew for that."""

    octets: int
    mebibytes: float


def measure(kind: str, url: str, paths: Sequence[str]) -> Need:
    """Ask for answers one after the other in a process that has answered a small one before."""
    command = [sys.executable, "-m", __spec__.name, kind, url, *paths]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr.decode()
    octets, mebibytes = done.stdout.split()
    return Need(int(octets), float(mebibytes))


def main(kind: str, url: str, *paths: str) -> None:
    """Measure, and print."""
    app = _application(JournalBackend(url) if kind == "journal" else SqlBackend(url))
    _ask(app, f"{OPERATION}?timeStamp=2999-01-01T00:00:00Z&pagesize=1")
    _ask(app, f"{OPERATION}?cursor=&count=1")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _peak()
    octets = sum(_ask(app, path) for path in paths)
    print(octets, _peak() - before)


def _application(backend: Backend) -> Flask:
    app = Flask("peak")
    app.config.update(TESTING=True, SECRET_KEY=TOKEN_SECRET, GLUU_CHANGES_PROTECTION="bypass")
    GluuChanges(app, backend=backend)
    return app


def _ask(app: Flask, path: str) -> int:
    """Take an answer as servers do, and keep none of it."""
    body = app(EnvironBuilder(path=path).get_environ(), lambda *_: lambda _: None)
    octets = sum(map(len, body))
    body.close()  # type: ignore[attr-defined]
    return octets


def _peak() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
