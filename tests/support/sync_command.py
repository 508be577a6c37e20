"""The command `gluu-changes` as a program, against a journal that is served."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from flask_gluu_changes.journal.writer import WriteBatch

from .apps import OPERATION
from .journal_site import Site
from .journals import Journal
from .paths import ROOT
from .serving import Serving

PATIENCE = 60.0


def script() -> list[str]:
    """Return the words that start the command: the installed script where there is one."""
    found = shutil.which("gluu-changes", path=os.path.dirname(sys.executable))
    return [found] if found else [sys.executable, "-m", "flask_gluu_changes.sync.cli"]


@dataclass(frozen=True)
class Done:
    """How the command ended, and what it printed."""

    code: int
    out: str
    err: str

    def lines(self) -> list[Any]:
        """Return the lines of NDJSON that it printed."""
        return [json.loads(line) for line in self.out.splitlines()]


def run_command(*words: object, stdin: str = "", **environment: str) -> Done:
    """Run the command to its end."""
    done = subprocess.run(
        [*script(), *map(str, words)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


class Synced:
    """A journal that is served, and a table that the command keeps, in SQLite unless told else."""

    serving: Serving

    def __init__(self, journal: Journal | None, url: str, folder: Path) -> None:
        self._journal = journal
        self.url = url
        self.folder = folder
        self.into = f"sqlite:///{folder / 'replica.db'}"

    @property
    def journal(self) -> Journal:
        """The journal, where the server has one."""
        assert self._journal
        return self._journal

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the command."""
        return {**os.environ, "PYTHONPATH": str(ROOT), "GLUU_SYNC_INTO": self.into}

    def pull(self, *words: object) -> Done:
        """Pull into the table."""
        return run_command("pull", self.url, *words, GLUU_SYNC_INTO=self.into)

    def command(self, name: str, *words: object, **environment: str) -> Done:
        """Run another command on the same."""
        return run_command(name, self.url, *words, GLUU_SYNC_INTO=self.into, **environment)

    def rows(self, query: str = "SELECT id, attributes FROM people ORDER BY id") -> list[Any]:
        """Return what a query finds in the replica's database."""
        engine = create_engine(self.into)
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(query))]
        finally:
            engine.dispose()

    def rename_ids(self) -> None:
        """Have the source tell everybody under another id."""
        for id_, attributes in self.dump().items():
            batch = WriteBatch()
            batch.remove(id_, "deleted")
            entry = {name: list(values) for name, values in attributes.items()}
            batch.put(self.journal.identity(f"other {id_}", entry))
            self.journal.writer.commit(batch)

    def move_into(self, url: str) -> None:
        """Keep the replica in another database, in which nothing of another test is left."""
        self.into = url
        engine = create_engine(url)
        with engine.begin() as connection:
            for name in ("", "_sync_state", "_sync_index", "_sync_aside", "_sync_held"):
                connection.execute(text(f"DROP TABLE IF EXISTS people{name}"))
        engine.dispose()

    def people(self) -> dict[str, Any]:
        """Return the attributes of everybody in the table, by id."""
        return {id_: _object(body) for id_, body in self.rows()}

    def dump(self) -> dict[str, Any]:
        """Return the attributes of everybody at the source, by id, as they are read anew."""
        done = run_command("pull", self.url, "--output", "-")
        assert done.code == 0, done.err
        lines = done.lines()
        return {line["@id"]: {n: v for n, v in line.items() if n[0] != "@"} for line in lines}


def _object(body: Any) -> Any:
    return json.loads(body) if isinstance(body, str) else body


@pytest.fixture
def synced(journal: Journal, tmp_path: Path) -> Iterator[Synced]:
    """A journal in a served application, and a place for its replica."""
    with Serving(Site(journal).app) as serving:
        synced = Synced(journal, serving.url + OPERATION, tmp_path)
        synced.serving = serving
        yield synced
