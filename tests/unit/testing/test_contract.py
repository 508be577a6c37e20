"""The contract's tests find what is wrong, and say it to authors of backends in full."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flask_gluu_changes.testing import BackendContract

PEOPLE = """
import pytest
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.testing import BackendContract


class Broken(MemoryBackend):
    def changes(self, query):
        {body}


class People:
    def __init__(self):
        self.backend, self.people = Broken(), {{}}

    def add(self, inum, attributes):
        self.people[inum] = {{"inum": [inum.encode()], **attributes}}
        self.backend.entries = list(self.people.values())

    def change(self, inum, attributes):
        self.add(inum, {{**self.people[inum], **attributes}})

    def remove(self, inum):
        del self.people[inum]
        self.backend.entries = list(self.people.values())


class TestBroken(BackendContract):
    @pytest.fixture
    def store(self):
        return People()
"""
SOUND = "return super().changes(query)"
ALL = len([name for name in vars(BackendContract) if name.startswith("test_")])


def judged(folder: Path, body: str) -> str:
    """Run the contract over a backend in a project of its own, and give what pytest printed."""
    (folder / "test_broken.py").write_text(PEOPLE.format(body=body))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--no-header", "-Werror"]
    done = subprocess.run(
        [*command, f"--rootdir={folder}", str(folder)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    return done.stdout + done.stderr


def test_a_sound_backend_passes(tmp_path: Path) -> None:
    """In a project that has nothing but the package, every test runs and none warns."""
    printed = judged(tmp_path, SOUND)
    assert "failed" not in printed
    assert "warning" not in printed
    assert int(printed.split(" passed")[0].split()[-1]) >= ALL


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("return filter(query.matches, self.entries[1:])", "test_a_person_comes_once"),
        ("return iter(self.entries)", "test_the_bound_is_inclusive"),
        ("return chain(super().changes(query), super().changes(query))", "a_person_comes_once"),
        ("return ({**e, 'mail': e.get('mail', [])[:1]} for e in self.entries)", "test_all_values"),
        ("return ({n: e[n] for n in ('uid', 'inum')} for e in self.entries)", "test_what_is_need"),
    ],
    ids=["loses", "finds all", "repeats", "cuts values", "leaves out times"],
)
def test_a_broken_backend_fails(tmp_path: Path, body: str, found: str) -> None:
    """A backend that breaks a promise is caught by the test that is named after it."""
    printed = judged(tmp_path, f"from itertools import chain; {body}")
    assert found in printed.partition("short test summary")[2]


def test_failures_show_both_sides(tmp_path: Path) -> None:
    """An author reads what came and what should have come, as in a test of their own."""
    assert "assert ['1', '2', '3'] == ['2', '3']" in judged(tmp_path, "return iter(self.entries)")


def test_pytest_is_imported_by_the_kit_alone() -> None:
    """Applications run without pytest."""
    code = "import sys, flask_gluu_changes.backends.memory as _; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
