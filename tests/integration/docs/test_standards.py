"""The table of standards names tests that exist."""

from __future__ import annotations

import re

from .blocks import ROOT

PAGE = ROOT / "docs/reference/token-standards.md"


def test_every_line_of_the_table_of_standards_is_a_test() -> None:
    """By its name, which is that of a function in the tests."""
    rows = [line for line in PAGE.read_text().splitlines() if re.match(r"\| (?!requirement)", line)]
    named = [re.findall(r"`(test_\w+)`", row.rstrip(" |").rpartition("|")[2]) for row in rows]
    assert len(rows) > 50
    assert [row for row, names in zip(rows, named, strict=True) if len(names) != 1] == []
    sources = "".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    assert [name for (name,) in named if f"\ndef {name}(" not in sources] == []
