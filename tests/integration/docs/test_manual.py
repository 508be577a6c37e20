"""The manual builds without a warning, and its reference says what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from flask_gluu_changes.extension import SETTINGS
from flask_gluu_changes.sync.exit_codes import ExitCode

from .blocks import ROOT

PACKAGE = ROOT / "flask_gluu_changes"
PLAIN = str.maketrans({"`": None, "\u2019": "'", "\u201c": '"', "\u201d": '"'})
"""Without the marks of code, and without typographic quotes."""


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built manual."""
    folder = tmp_path_factory.mktemp("manual")
    options = ["-E", "-W", "-n", "--keep-going", "-q", "-b", "html"]
    command = [sys.executable, "-m", "sphinx", *options, "-d", f"{folder}/doctrees"]
    done = subprocess.run(
        [*command, str(ROOT / "docs"), f"{folder}/html"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


def text_of(page: Path) -> str:
    """Return what a reader sees of a page, with single blanks."""
    text = unescape(re.sub(r"<[^>]+>", "", page.read_text()))
    return " ".join(text.split()).translate(PLAIN)


def test_every_setting_is_documented_with_its_meaning(manual: Path) -> None:
    """Each can be linked to."""
    page = manual / "reference/settings.html"
    for cls in SETTINGS:
        for name, declared in cls.__dataclass_fields__.items():
            assert f'id="confval-GLUU_CHANGES_{name.upper()}"' in page.read_text()
            assert declared.metadata["meaning"][1:].translate(PLAIN) in text_of(page)


def test_every_log_message_is_documented(manual: Path) -> None:
    """As it stands in the code, wherever its text is not made up."""
    page = text_of(manual / "reference/logs.html")
    call = re.compile(r"\blog\.(?:info|warning|error)\(\s*\"([^\"]+)\"")
    messages = [m for file in PACKAGE.rglob("*.py") for m in call.findall(file.read_text())]
    assert len(messages) > 20
    assert [message for message in messages if message.translate(PLAIN) not in page] == []


@pytest.mark.parametrize("command", ["list", "doctor", "follow", "new-epoch", "confirm-removals"])
def test_every_command_is_documented(manual: Path, command: str) -> None:
    """With its usage."""
    assert f"flask gluu-changes {command} [OPTIONS]" in text_of(manual / "reference/commands.html")


@pytest.mark.parametrize("command", ["pull", "follow", "verify", "status"])
def test_every_command_of_the_sync_job_is_documented(manual: Path, command: str) -> None:
    """With its usage, and with each exit code."""
    page = text_of(manual / "reference/sync-job.html")
    assert f"gluu-changes {command} [OPTIONS] URL" in page
    assert all(code.meaning.translate(PLAIN) in page for code in ExitCode)


def test_the_public_names_are_documented(manual: Path) -> None:
    """Under the names by which users import them."""
    page = (manual / "reference/api.html").read_text()
    for name in ("GluuChanges", "client.ChangesClient", "protection.Guard", "errors.BackendError"):
        exported = name.replace("errors.", "")
        assert f'id="flask_gluu_changes.{exported}"' in page
