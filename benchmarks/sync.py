"""The rows of `gluu-changes`: from a journal that two workers serve, into SQLite."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.support.slapd import HOST

from .direct_ldap import OPERATION
from .serving import ROOT
from .table import Effort, Row, in_turns, timed

BARE_LOOP = """
import json, sqlite3, sys, urllib.request
url, file = sys.argv[1:]
request = urllib.request.Request(url, headers={"Accept": "application/x-ndjson"})
database = sqlite3.connect(file)
database.execute("CREATE TABLE people (id TEXT PRIMARY KEY, version INTEGER, attributes TEXT)")
with urllib.request.urlopen(request) as lines:
    people = (json.loads(line) for line in lines)
    rows = ((p["@id"], p["@version"], json.dumps(p)) for p in people if "@id" in p)
    database.executemany("INSERT INTO people VALUES (?, ?, ?)", rows)
database.commit()
"""

PEAK = "import resource; print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
ROUNDS = 3
PAGE = 1000
START_SECONDS, MOST_MEMORY = 0.3, 100.0


def rows(port: int, effort: Effort, folder: Path) -> Iterator[Row]:
    """Measure a first reading, a comparison, memory and the start; each as a program of its own."""
    folder.mkdir()
    url, rounds = f"http://{HOST}:{port}{OPERATION}", min(ROUNDS, effort.rounds)
    pull, verify = (_command(name, url, "--count", str(PAGE)) for name in ("pull", "verify"))
    replica, of = folder / "replica.db", f"of {effort.people:,}"
    fresh = timed(partial(_pull_anew, pull, replica))
    bare = timed(partial(_bare_loop, url, folder / "bare.db"))
    against = "a bare loop of NDJSON and `executemany`"
    yield Row(f"`gluu-changes pull` {of}", in_turns(rounds, fresh, bare), against, "s", at_most=3)
    turns = in_turns(rounds, fresh, timed(partial(_run, verify, replica)))
    swapped = [(compared, taken) for taken, compared in turns]
    yield Row(f"`gluu-changes verify` {of}", swapped, "pull", "s", at_most=1)
    memory = [(_peak(pull, folder / "memory.db"), MOST_MEMORY)]
    yield Row(f"memory of that pull {of}", memory, "the limit", "MiB", at_most=1)
    start = timed(partial(_run, _command("--help"), replica))
    turns = [(taken, START_SECONDS) for (taken,) in in_turns(rounds, start)]
    yield Row("`gluu-changes --help`", turns, "the limit", "s", at_most=1)


def _command(*words: str) -> list[str]:
    script = shutil.which("gluu-changes", path=os.path.dirname(sys.executable))
    return [
        *([script] if script else [sys.executable, "-m", "flask_gluu_changes.sync.cli"]),
        *words,
    ]


def _run(command: list[str], replica: Path) -> None:
    environment = {**os.environ, "GLUU_SYNC_INTO": f"sqlite:///{replica}"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)


def _pull_anew(command: list[str], replica: Path) -> None:
    replica.unlink(missing_ok=True)
    _run(command, replica)


def _bare_loop(url: str, file: Path) -> None:
    file.unlink(missing_ok=True)
    command = [sys.executable, "-c", BARE_LOOP, f"{url}?cursor=", str(file)]
    subprocess.run(command, check=True)


def _peak(command: list[str], replica: Path) -> float:
    """Return the MiB that a command needs at most."""
    program = f"import subprocess; subprocess.run({command!r}, check=True); {PEAK}"
    environment = {**os.environ, "GLUU_SYNC_INTO": f"sqlite:///{replica}"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, check=True, capture_output=True
    )
    return float(done.stdout.split()[-1])
