"""The example application as a program of its own, as `make demo` starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests

from tests.support.paths import ROOT as ROOT
from tests.support.slapd import free_port

SCOPE = "https://gluu.org/scim/users.read"
PEOPLE_FILE = "FLASK_EXAMPLE_PEOPLE_FILE"


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Start the application as a program; it is ended in good order, or else the test fails.

    Its people are new ones, unless the environment names a file.
    """
    with (
        TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-m", "example_app", *arguments],
            stdout=subprocess.PIPE,
            env={**os.environ, PEOPLE_FILE: f"{folder}/people.sqlite", **environment},
            cwd=ROOT,
            text=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
    assert process.returncode == 0


def printed_until(process: subprocess.Popen[str], words: str) -> str:
    """Read what a program prints until it says some words."""
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return "".join(lines)
    raise AssertionError(f"{words!r} never came in {lines}")


def token_as_printed(printed: str) -> str:
    """Do what the curl line for a token does."""
    (client,) = re.findall(r"-u '(.*?)'", printed)
    (token_url,) = re.findall(rf"-d scope={SCOPE} (\S+)", printed)
    form = {"grant_type": "client_credentials", "scope": SCOPE}
    name, _, secret = client.partition(":")
    answer = requests.post(token_url, form, auth=(name, secret), timeout=30)
    return str(answer.json()["access_token"])


class Demo:
    """The program on a port of its own; it can be stopped and started again, on the same file."""

    def __init__(self, people_file: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._environment = {PEOPLE_FILE: str(people_file)}
        self._running = ExitStack()

    def start(self) -> None:
        """Serve; returns once requests are answered."""
        program = running("--port", self.url.rpartition(":")[2], **self._environment)
        printed_until(self._running.enter_context(program), "Ctrl-C")

    def stop(self) -> None:
        """End the program; its file stays."""
        self._running.close()


@pytest.fixture(autouse=True)
def people_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has people of its own, and none touches those of a demo in this folder."""
    file = tmp_path / "people.sqlite"
    monkeypatch.setenv(PEOPLE_FILE, str(file))
    return file


@pytest.fixture
def demo(people_file: Path) -> Iterator[Demo]:
    """The application as a program."""
    program = Demo(people_file)
    program.start()
    yield program
    program.stop()
