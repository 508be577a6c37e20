"""Whoever is told what is wrong is told what to do: a command, a setting, SQL, LDIF or a rule."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import flask_gluu_changes

PACKAGE = Path(flask_gluu_changes.__file__).parent

NAMES_WHAT_TO_USE = re.compile(
    r"GLUU_CHANGES_[A-Z…]|correct … in the application's settings|`[A-Za-z]"
    r"|GRANT |ALTER |CREATE |UPDATE |JournalBackend|olc[A-Z]|slapd: |ldapmodify|overlay |^…, "
)
VAGUE = re.compile(r"\bsee (to|who|whether|that|why|the)\b|\blook into\b|\brepair it\b")


def _advices() -> Iterator[tuple[str, str]]:
    """Yield where each advice is, and its text; what is filled in is `…`, names are resolved."""
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        known = _constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _is_finding(node.func) and len(node.args) > 1:
                where = f"{path.relative_to(PACKAGE)}:{node.lineno}"
                yield where, _text(node.args[1], known)


def _is_finding(called: ast.expr) -> bool:
    return ast.unparse(called) in {"Finding.fault", "Finding.warning"}


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    """Return what names stand for, the local ones of functions among them."""
    assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    return {ast.unparse(node.targets[0]): node.value for node in assigned}


def _text(node: ast.expr, known: dict[str, ast.expr]) -> str:
    match node:
        case ast.Constant():
            return str(node.value)
        case ast.JoinedStr():
            return "".join(_text(part, known) for part in node.values)
        case ast.FormattedValue():
            return _text(node.value, known) or "…"
        case ast.BinOp():
            return _text(node.left, known) + _text(node.right, known)
        case ast.Name() if node.id in known:
            return _text(known[node.id], known)
        case ast.Name() if node.id == "PREFIX":
            return "GLUU_CHANGES_"
    return ""


ADVICES = [(where, text) for where, text in _advices() if text]


def test_there_are_advices() -> None:
    """Else nothing would be looked at."""
    assert len(ADVICES) > 30


@pytest.mark.parametrize(("where", "text"), ADVICES, ids=[where for where, _ in ADVICES])
def test_an_advice_names_what_to_use(where: str, text: str) -> None:
    """And does not only say that something should be seen to."""
    assert NAMES_WHAT_TO_USE.search(text), text
    assert not VAGUE.search(text), text
