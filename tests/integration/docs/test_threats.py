"""The tables of threats name tests that exist."""

from __future__ import annotations

import re

from .blocks import ROOT

PAGE = ROOT / "docs/explanation/threats.md"


def test_every_threat_has_a_test() -> None:
    """Each row names files of tests, and these are there."""
    rows = [line for line in PAGE.read_text().splitlines() if re.match(r"\| (?!asset)", line)]
    named = [re.findall(r"`([\w/]+\.py)`", row.rstrip(" |").rpartition("|")[2]) for row in rows]
    assert len(rows) > 20
    assert [row for row, files in zip(rows, named, strict=True) if not files] == []
    files = {file for row in named for file in row}
    assert sorted(file for file in files if not (ROOT / "tests" / file).is_file()) == []
