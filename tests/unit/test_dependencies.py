"""What the package declares that it needs, and what it imports."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import metadata, requires
from pathlib import Path

import flask_gluu_changes

PACKAGE = Path(flask_gluu_changes.__file__).parent
NAME = "flask-gluu-changes"
IMPORTED_AS = {"python-ldap": "ldap", "pyyaml": "yaml"}
"""Distributions whose module has another name."""


def _needs(extra: str | None = None) -> set[str]:
    """Return the distributions that the core needs, or an extra brings."""
    marker = f'extra == "{extra}"' if extra else ""
    split = [need.partition(";") for need in requires(NAME) or []]
    return {_distribution(need) for need, _, condition in split if condition.strip() == marker}


def _distribution(need: str) -> str:
    found = re.match(r"[\w.-]+", need)
    assert found
    return re.sub(r"[-_.]+", "-", found[0]).lower()


FOUND_OR_NOT = {"psycopg", "pymysql", "uwsgi"}
"""Which driver there is, and which server, is the operator's choice; each is imported within it."""


def _modules(distributions: set[str]) -> set[str]:
    return {IMPORTED_AS.get(name, name.replace("-", "_")) for name in distributions}


def _imported() -> set[str]:
    """Return the modules of others that the package imports anywhere, by their first names."""
    trees = [ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
    names |= {
        node.module
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
    }
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {PACKAGE.name}


def test_the_extras_are_the_users() -> None:
    """Development dependencies are no extras: they are dependency groups of pyproject.toml."""
    assert sorted(metadata(NAME).get_all("Provides-Extra") or []) == [
        "client",
        "journal",
        "ldap",
        "metrics",
        "sql",
        "testing",
    ]


def test_what_is_imported_is_what_is_declared() -> None:
    """No dependency of another dependency is relied on, and none is installed for nothing."""
    extras = metadata(NAME).get_all("Provides-Extra") or []
    declared = _needs().union(*map(_needs, extras))
    assert _imported() == _modules(declared) | FOUND_OR_NOT


def test_no_dependency_has_an_upper_bound() -> None:
    """Hosts choose versions; each one has a floor, and the matrix tries those."""
    needs = [need.partition(";")[0] for need in requires(NAME) or []]
    assert needs
    assert [need for need in needs if ">=" not in need or "<" in need] == []
