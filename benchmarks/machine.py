"""On what the table was measured: interpreter, machine, versions."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import sqlalchemy

from tools.optimised import is_optimised

PACKAGES = ("flask", "flask-smorest", "python-ldap", "sqlalchemy", "orjson", "gunicorn")
PROGRAMS = {"slapd": ["slapd", "-VV"], "mariadbd": ["mariadbd", "--version"]}


def head(people: int) -> str:
    """Return the lines above the table."""
    built = "optimised" if is_optimised() else "NOT optimised: up to 1.65 times as slow"
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    driver = sqlalchemy.create_engine("sqlite://").dialect.loaded_dbapi
    return "\n".join(
        (
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {people:,} people",
            f"Python {platform.python_version()}, {built}",
            f"{_processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
            f"{packages}, SQLite {driver.sqlite_version}",
            *(_first_line(command) for command in PROGRAMS.values()),
        )
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    name = text.partition("model name")[2].partition(":")[2].partition("\n")[0].strip()
    return name or platform.machine()


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().partition("\n")[0].strip()
