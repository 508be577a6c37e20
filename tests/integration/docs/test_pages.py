"""What README.md, the manual and the other pages name exists, and what they promise is kept."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from marshmallow import Schema

from flask_gluu_changes.extension import SETTINGS
from flask_gluu_changes.settings.fields import keys_of
from flask_gluu_changes.web.schemas import DeltaPageSchema, UpdatedUsersPageSchema

from .blocks import ROOT, blocks_of, name_of, pages

ALL = [*pages(), ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
EACH = pytest.mark.parametrize("page", ALL, ids=name_of)
README = ROOT / "README.md"


def test_the_readme_is_short() -> None:
    """Everything else is in the manual."""
    assert len(README.read_text().splitlines()) <= 150


def test_the_application_of_the_readme_is_short_and_protected() -> None:
    """Ten lines, imports aside."""
    (app,) = (block.text for block in blocks_of(README) if block.kind == "file")
    lines = [line for line in app.splitlines() if line and not line.startswith("from ")]
    assert len(lines) <= 10
    assert "bypass" not in app


@EACH
def test_every_setting_that_is_named_exists(page: Path) -> None:
    """A reader copies them; a name may end in … where several are meant."""
    known = {key for cls in SETTINGS for field in fields(cls) for key in keys_of(field)}
    named = re.findall(r"GLUU_CHANGES_[A-Z_]*[A-Z](?![A-Z_…]|\*)", page.read_text())
    assert set(named) <= known


@pytest.mark.parametrize(
    ("page", "schema"),
    [("operation", UpdatedUsersPageSchema), ("protocol", DeltaPageSchema)],
)
def test_the_sample_answers_are_ones_that_the_schema_allows(
    page: str, schema: type[Schema]
) -> None:
    """Whoever reads the reference may copy them."""
    samples = [b for b in blocks_of(ROOT / f"docs/reference/{page}.md") if b.language == "json"]
    assert [schema().validate(json.loads(sample.text)) for sample in samples] == [{}]


@EACH
def test_every_target_of_make_that_is_named_exists(page: Path) -> None:
    """In prose and in blocks."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"(?:`|^\$ )make ([a-z-]+)", page.read_text(), re.M)) <= targets


@EACH
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    """Sphinx checks those of the manual; GitHub shows README.md and its like without it."""
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if not link.startswith(("http:", "https:", "{")):
            assert (page.parent / link).exists(), link


@EACH
def test_lines_fit(page: Path) -> None:
    """Tables and blocks aside, whose lines cannot be broken."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    long = [line for line in prose.splitlines() if len(line) > 128 and not line.startswith("|")]
    assert long == []


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_sample_answers_are_json(page: Path) -> None:
    """They can be copied into a test."""
    for block in blocks_of(page):
        if block.language == "json":
            json.loads(block.text)
