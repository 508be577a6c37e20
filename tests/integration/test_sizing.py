"""The figures of the page on sizing can be made anew."""

from __future__ import annotations

import subprocess
import sys

from tests.support.paths import ROOT


def test_the_command_of_the_page_prints_what_a_person_costs() -> None:
    """For a few people here."""
    command = [sys.executable, "-m", "benchmarks.sizing", "300"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith("| 300 |")]
    assert len(lines) == 13
