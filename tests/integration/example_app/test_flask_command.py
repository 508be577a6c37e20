"""`flask gluu-changes` as a program, on an application that it finds itself."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.paths import ROOT

SINCE = "2019-12-24T12:00:03-05:00"


def test_by_the_flask_command() -> None:
    """`flask gluu-changes` finds the example application by --app."""
    command = [sys.executable, "-m", "flask", "--app", "example_app", "gluu-changes", "list"]
    done = subprocess.run(
        [*command, "--since", SINCE, "--attributes", "uid", "--pagesize", "3"],
        cwd=ROOT,
        env={**os.environ, "FLASK_GLUU_CHANGES_ALLOW_BYPASS": "true"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "entries: 3" in done.stdout
