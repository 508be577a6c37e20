"""python -m tools.matrix [TESTS …]: the wheel with each Python, lowest versions and each extra.

TESTS are run in the environments of the core instead of tests/unit.
"""

from __future__ import annotations

import email
import sys
import time
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from .installed import CACHE, Distribution, Environment, StepError, build
from .interpreters import MINORS, Python, found

UNIT = ("--group", "pyproject.toml:unit")
DRIVERS = ("--group", "pyproject.toml:drivers")  # the tests' fixtures import them
UNIT_TESTS = ("tests/unit",)

# An application over people in memory, as it comes out of an installation without any extra.
WITHOUT_EXTRAS = """
from flask import Flask
from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
import flask_gluu_changes.client, flask_gluu_changes.protection

app = Flask("matrix")
app.config |= {"GLUU_CHANGES_PROTECTION": "bypass", "GLUU_CHANGES_ALLOW_BYPASS": True}
ada = {"uid": ["ada"], "inum": ["1"], "updatedAt": ["20240101000000Z"]}
GluuChanges(app, backend=MemoryBackend([ada]))
query = {"timeStamp": "2020-01-01T00:00:00Z", "pagesize": "10"}
answer = app.test_client().get("/identity/restv1/scim/UpdatedUsers", query_string=query)
assert answer.status_code == 200 and answer.json["total"] == 1, answer.text
"""


@dataclass(frozen=True)
class Extra:
    """An extra of the package: a module that it opens, and quick tests of that."""

    module: str
    tests: tuple[str, ...]


EXTRAS = {
    "client": Extra("flask_gluu_changes.sync.commands", ("tests/unit/sync",)),
    "journal": Extra(
        "flask_gluu_changes.journal.backend",
        ("tests/unit/journal",),
    ),
    "ldap": Extra("flask_gluu_changes.backends.ldap", ("tests/integration/ldap/test_contract.py",)),
    "metrics": Extra(
        "flask_gluu_changes.observe.prometheus.server",
        ("tests/unit/observe/test_metrics.py",),
    ),
    "sql": Extra(
        "flask_gluu_changes.backends.sql",
        ("tests/integration/sql/test_contract.py", "-k", "sqlite"),
    ),
    "testing": Extra("flask_gluu_changes.testing", ("tests/unit/testing",)),
}


@dataclass(frozen=True)
class Row:
    """What is installed with which Python, and what is tried there."""

    name: str
    python: Python
    extras: Sequence[str] = ()
    lowest: bool = False
    code: str = "pass"
    tools: tuple[str, ...] = UNIT
    tests: tuple[str, ...] = ()

    def run(self, dist: Distribution, top: Path) -> None:
        """Make the environment, run the code, then the tests; StepError if one fails."""
        interpreter = self.python.path or self.python.version
        environment = Environment(self.name.replace(" ", "-"), interpreter)
        package = f"{dist.wheel}[{','.join(self.extras)}]"
        environment.install(package, lowest=self.lowest)
        environment.python("-W", "error", "-c", self.code, folder=top)
        if self.tests:
            environment.install(package, *self.tools, lowest=self.lowest)
            environment.unit_tests(top, *self.tests)


@dataclass
class Table:
    """The results, printed as they come and once more in the end."""

    lines: list[str] = field(default_factory=list)
    failed: bool = False

    def add(self, row: Row, seconds: float, result: str) -> None:
        """Add and print a line."""
        line = f"{row.name:34} {row.python.version:8} {seconds:7.0f} s  {result}"
        print(line, flush=True)
        self.lines.append(line)
        self.failed |= result == "FAILED"

    def __str__(self) -> str:
        return "\n".join([f"{'':34} {'Python':8} {'time':>9}", *self.lines])


def main(arguments: list[str]) -> int:
    """Run every row; 1 when one failed. A Python that is not there is named, and is no failure."""
    dist = build(CACHE / "dist")
    top = dist.unpack_tests(CACHE / "tests")
    table = Table()
    for row in rows(extras(dist), tuple(arguments) or UNIT_TESTS):
        started = time.monotonic()
        result = _result(row, dist, top)
        table.add(row, time.monotonic() - started, result)
    print(f"\n{table}")
    return int(table.failed)


def rows(published: list[str], tests: tuple[str, ...]) -> Iterator[Row]:
    """Return what is to be tried; the oldest Python is taken where one is enough."""
    pythons = [python for minor in MINORS for python in found(minor) or [Python(minor)]]
    oldest = next(python for python in pythons if python.path)
    core = partial(Row, tests=tests)
    everything = imports(EXTRAS[name].module for name in published)
    yield core("lowest versions", oldest, extras=published, lowest=True, code=everything)
    yield from (core(f"newest versions {python.version}", python) for python in pythons)
    yield Row("no extra, no pytest", oldest, code=WITHOUT_EXTRAS)
    alone = partial(Row, python=oldest, tools=(*UNIT, *DRIVERS))
    for name in published:
        extra = EXTRAS[name]
        code = imports([extra.module])
        yield alone(f"extra {name} alone", extras=[name], code=code, tests=extra.tests)


def extras(dist: Distribution) -> list[str]:
    """Return the extras that the wheel publishes."""
    with zipfile.ZipFile(dist.wheel) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(wheel.read(name))
    return sorted(metadata.get_all("Provides-Extra") or [])


def imports(names: Iterable[str]) -> str:
    """Return a program that imports modules."""
    return f"import {', '.join(names)}"


def _result(row: Row, dist: Distribution, top: Path) -> str:
    if row.python.path is None:
        return "not found"
    try:
        row.run(dist, top)
    except StepError as error:
        print(error, file=sys.stderr, flush=True)
        return "FAILED"
    return "passed"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
