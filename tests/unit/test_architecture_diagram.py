"""The diagram of the architecture is that of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

import flask_gluu_changes
from tests.support.paths import ROOT
from tools.architecture import DIAGRAM, Architecture, draw

CHECKOUT = Path(flask_gluu_changes.__file__).parents[1]


@pytest.fixture
def tower(tmp_path: Path) -> Architecture:
    """A package of four rooms: the top imports all, the middle one the lowest two."""
    files = {
        "__init__.py": "from .top import x\nfrom . import low",
        "top.py": '"""Stand\nabove.\n\nMore."""\nfrom .middle.part import y\nfrom .low import z',
        "middle/__init__.py": "",
        "middle/part.py": "import flask_gluu_changes.low\nfrom ..other import w",
        "low.py": "import json",
        "other.py": "",
    }
    for name, text in files.items():
        file = tmp_path / "flask_gluu_changes" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return Architecture.of(tmp_path)


def test_the_diagram_is_up_to_date() -> None:
    """If not: make diagram."""
    assert (ROOT / DIAGRAM).read_text() == draw(Architecture.of(CHECKOUT))


def test_rooms_and_their_imports(tower: Architecture) -> None:
    """Relative, absolute, of names and of modules."""
    assert tower.rooms == {
        "__init__": {"top", "low"},
        "top": {"middle", "low"},
        "middle": {"low", "other"},
        "low": set(),
        "other": set(),
    }
    assert tower.floors == [["low", "other"], ["middle"], ["top"], ["__init__"]]


def test_figures(tower: Architecture) -> None:
    """Those that the issue about the architecture asks for."""
    assert tower.figures == {
        "modules in the root": 4,
        "files": 6,
        "rooms": 5,
        "floors": 4,
        "imports between rooms": 6,
    }


def test_imports_that_follow_from_others_are_not_drawn(tower: Architecture) -> None:
    """The top needs the lowest room by way of the middle one."""
    assert ("top", "low") not in tower.reduced()
    assert ("top", "middle") in tower.reduced()


def test_the_purpose_is_the_first_sentence_of_the_docstring(tower: Architecture) -> None:
    """On one line."""
    assert tower.purpose("top") == "Stand above."


def test_a_circle_is_named(tmp_path: Path) -> None:
    """Floors need an order."""
    folder = tmp_path / "flask_gluu_changes"
    folder.mkdir()
    (folder / "a.py").write_text("from . import b")
    (folder / "b.py").write_text("from . import a")
    with pytest.raises(SystemExit, match=r"import each other: [ab] → [ab] → [ab]"):
        _ = Architecture.of(tmp_path).floors
