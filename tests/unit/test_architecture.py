"""The house keeps its floors: what a room may import is told here, by name."""

from __future__ import annotations

import ast
import gc
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path
from typing import TypeGuard

import pytest

import flask_gluu_changes

HOUSE = Path(flask_gluu_changes.__file__).parent
NAME = flask_gluu_changes.__name__
LOWER = {
    "errors",
    "timestamps",
    "model",
    "values",
    "visibility",
    "plans",
    "prepared",
    "encoding",
    "probe",
    "backend",
    "backends",
    "snapshot",
    "walks",
    "feed",
    "following",
    "filling",
    "journal",
    "gluu",
    "configuration",
    "ldap_settings",
    "follow_settings",
    "sql_settings",
    "journal_settings",
    "client",
    "settings",
}
"""Rooms that know nothing of the web; a folder stands for all that is in it."""

UPPER = {
    "__init__",
    "schemas",
    "views",
    "scim_errors",
    "documents",
    "security",
    "journal_schemas",
    "journal_pages",
    "journal_views",
    "journal_operations",
    "extension",
    "protection",
    "testing",
    "cli",
}
"""Rooms that do."""

WEB = {"flask", "flask_smorest", "werkzeug", "webargs", "marshmallow", "apispec", "authlib"}
LONGEST = 200

MODULES = sorted(HOUSE.rglob("*.py"))
EACH = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(HOUSE)))


def _module(path: Path) -> str:
    parts = path.relative_to(HOUSE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def _room(module: str) -> str:
    """Give the room of a module of the house: the first name below the package's."""
    return module.split(".")[1] if "." in module else "__init__"


@cache
def _tree(path: Path) -> ast.Module:
    """Parse a module; Python 3.11 fails when a finalizer of garbage runs meanwhile."""
    gc.disable()
    try:
        return ast.parse(path.read_text())
    finally:
        gc.enable()


def _imports(path: Path) -> Iterator[str]:
    """Name all that a module imports, anywhere in it; relative names made absolute."""
    package = _module(path) if path.stem == "__init__" else _module(path).rpartition(".")[0]
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found = resolve_name(base, package)
            yield from (_deepest(found, alias.name) for alias in node.names)


def _deepest(module: str, name: str) -> str:
    """Tell `from .backends import memory`, a module, from `from .model import Entry`."""
    place = HOUSE.parent.joinpath(*module.split("."), name)
    is_module = place.is_dir() or place.with_suffix(".py").exists()
    return f"{module}.{name}" if is_module else module


def _of_the_house(path: Path) -> set[str]:
    return {name for name in _imports(path) if name.split(".")[0] == NAME}


def test_every_room_is_on_one_of_the_two_lists() -> None:
    """Whoever builds a new one decides whether it may know of the web."""
    rooms = {_room(_module(path)) for path in MODULES}
    assert rooms <= LOWER | UPPER
    assert rooms >= LOWER


@EACH
def test_lower_rooms_know_nothing_of_the_web(path: Path) -> None:
    """Neither of Flask and its kin, nor of the rooms that do."""
    if _room(_module(path)) in LOWER:
        assert not WEB & {name.split(".")[0] for name in _imports(path)}
        assert {_room(name) for name in _of_the_house(path)} <= LOWER


@EACH
def test_ldap_stays_in_its_room(path: Path) -> None:
    """python-ldap is an optional extra, and its errors and types must not leak."""
    inside = _module(path).startswith(f"{NAME}.backends.ldap")
    assert inside or not {"ldap", "ldapurl", "ldif"} & {n.split(".")[0] for n in _imports(path)}
    assert inside or not any(n.startswith(f"{NAME}.backends.ldap") for n in _of_the_house(path))


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports only go down, so that each module can be read and tested by itself."""
    below = {_module(path): _of_the_house(path) - {_module(path)} for path in MODULES}
    TopologicalSorter(below).prepare()  # raises CycleError, which names the way round


@EACH
def test_no_module_is_long(path: Path) -> None:
    """One idea a file."""
    assert len(path.read_text().splitlines()) <= LONGEST


@EACH
def test_every_name_that_is_offered_is_there(path: Path) -> None:
    """What `__all__` lists is bound in the module; read and not imported, for ldap is an extra."""
    offered = _offered(path)
    assert set(offered) <= _bound(path)
    assert sorted(set(offered)) == sorted(offered)


def _offered(path: Path) -> list[str]:
    for node in _tree(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def _bound(path: Path) -> set[str]:
    """Name what the lines of a module itself bind."""
    bound: set[str] = set()
    for node in _tree(path).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        else:
            bound |= {n.id for n in ast.walk(node) if _is_bound(n)}
    return bound


def _is_bound(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def test_the_public_face_lists_all_that_it_imports() -> None:
    """What is imported for users there is offered to them."""
    tree = _tree(HOUSE / "__init__.py")
    named = {
        alias.asname for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for alias in n.names
    }
    assert set(flask_gluu_changes.__all__) == named


def test_the_package_is_marked_as_typed() -> None:
    """Type checkers read the annotations of an installed package only then (PEP 561)."""
    assert (HOUSE / "py.typed").is_file()


def test_the_package_works_without_python_ldap() -> None:
    """Nor SQLAlchemy: everything but their rooms, and each backend names what is missing."""
    optional = {"ldap", "sql", "journal", "filling", "prepared"}
    rooms = [path.relative_to(HOUSE).with_suffix("").parts for path in MODULES]
    modules = [
        _module(p) for p, parts in zip(MODULES, rooms, strict=True) if not optional & {*parts}
    ]
    program = (
        "import sys, importlib\n"
        "sys.modules.update(ldap=None, _ldap=None, sqlalchemy=None)\n"
        f"for name in {modules}: importlib.import_module(name)\n"
        "for name in ('ldap', 'sql'):\n"
        f"    try: importlib.import_module('{NAME}.backends.' + name)\n"
        "    except ImportError as error: print(error.name)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (run.returncode, run.stdout.split(), run.stderr) == (0, ["ldap", "sqlalchemy"], "")
