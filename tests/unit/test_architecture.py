"""The layers of the package: imports go down only, and foreign packages stay in their rooms."""

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

PACKAGE = Path(flask_gluu_changes.__file__).parent
NAME = flask_gluu_changes.__name__

LAYERS = (
    ("errors", "forks", "timestamps", "wsgi"),
    ("model",),
    ("values", "visibility"),
    ("settings",),
    ("encoder", "follower", "database", "oauth"),
    ("backend",),
    ("feed", "journal"),
    ("journal.ingest",),
    ("backends", "backends.memory", "backends.sql"),
    ("backends.ldap",),
    ("backends.ldap.changelog", "backends.ldap.doctor", "backends.ldap.syncrepl"),
    ("backends.ldap.backend",),
    ("backends.ldap.__init__",),
    ("client", "testing"),
    ("sync",),
    ("scim",),
    ("observe",),
    ("protection", "observe.prometheus"),
    ("web",),
    ("cli",),
    ("extension",),
    ("__init__",),
)
"""From the bottom to the top. A room stands for all modules in it that are not named themselves.

Rooms of one layer do not import each other.
"""

LOWEST_WEB_LAYER = LAYERS.index(("scim",))

WEB = {"flask", "flask_smorest", "werkzeug", "webargs", "marshmallow", "apispec", "authlib"}
LDAP = {"ldap", "ldapurl", "ldif"}
DATABASE = {"sqlalchemy"}
PROMETHEUS = {"prometheus_client"}
DATABASE_ROOMS = {"database", "journal", "journal.ingest", "backends.sql", "sync"}

LONGEST = 400
MOST_ROOT_MODULES = 12

MODULES = sorted(PACKAGE.rglob("*.py"))


def _module(path: Path) -> str:
    """Return a module's name below the package; a folder's own is its name and `__init__`."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def _watcher(module: str) -> str:
    """Return the longest name in the layers that stands for a module."""
    rooms = [room for layer in LAYERS for room in layer if f"{module}.".startswith(f"{room}.")]
    return max(rooms, key=len, default="")


def _layer(module: str) -> int:
    return next(number for number, layer in enumerate(LAYERS) if _watcher(module) in layer)


def _each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=_module)


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
    package = ".".join((NAME, *path.relative_to(PACKAGE).parent.parts))
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found = resolve_name("." * node.level + (node.module or ""), package)
            yield from (_deepest(found, alias.name) for alias in node.names)


def _deepest(module: str, name: str) -> str:
    """Tell `from .backends import memory`, a module, from `from .model import Entry`."""
    place = PACKAGE.parent.joinpath(*module.split("."), name)
    is_module = place.is_dir() or place.with_suffix(".py").exists()
    return f"{module}.{name}" if is_module else module


def _own_imports(path: Path) -> set[str]:
    """Name the modules of the package that a module imports."""
    found = {name for name in _imports(path) if f"{name}.".startswith(f"{NAME}.")}
    names = {name.removeprefix(NAME).lstrip(".") for name in found}
    return {
        f"{n}.__init__".lstrip(".") if (PACKAGE / Path(*n.split("."))).is_dir() else n
        for n in names
    }


def _foreign(path: Path) -> set[str]:
    return {name.split(".")[0] for name in _imports(path)} - {NAME}


@_each(MODULES)
def test_imports_go_down_only(path: Path) -> None:
    """A module imports from its own room and from layers below."""
    module = _module(path)
    upward = {
        name
        for name in _own_imports(path)
        if _watcher(name) != _watcher(module) and _layer(name) >= _layer(module)
    }
    assert _watcher(module), f"{module} is in no layer"
    assert not upward


def test_every_room_exists() -> None:
    """The layers name no room that is gone."""
    assert {_watcher(_module(path)) for path in MODULES} == {
        room for layer in LAYERS for room in layer
    }


@_each([path for path in MODULES if _layer(_module(path)) < LOWEST_WEB_LAYER])
def test_the_lower_layers_know_nothing_of_the_web(path: Path) -> None:
    """Neither Flask nor its kin: what is below can serve another framework."""
    assert not WEB & _foreign(path)


@_each([path for path in MODULES if not _watcher(_module(path)).startswith("backends.ldap")])
def test_python_ldap_stays_in_its_watcher(path: Path) -> None:
    """python-ldap is an optional extra, and its errors and types must not leak."""
    assert not LDAP & _foreign(path)
    assert not any(_watcher(name).startswith("backends.ldap") for name in _own_imports(path))


@_each([path for path in MODULES if _watcher(_module(path)) not in DATABASE_ROOMS])
def test_sqlalchemy_stays_in_its_rooms(path: Path) -> None:
    """SQLAlchemy is an optional extra; backends hide it from the feed and the web side."""
    assert not DATABASE & _foreign(path)


@_each([path for path in MODULES if _watcher(_module(path)) != "observe.prometheus"])
def test_prometheus_client_stays_in_its_room(path: Path) -> None:
    """It is an optional extra, and imported where metrics are switched on."""
    assert not PROMETHEUS & _foreign(path)


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Each module can be read and tested by itself."""
    below = {_module(path): _own_imports(path) - {_module(path)} for path in MODULES}
    TopologicalSorter(below).prepare()  # raises CycleError, which names the circle


@_each(MODULES)
def test_no_module_is_long(path: Path) -> None:
    """One idea a file."""
    assert len(path.read_text().splitlines()) <= LONGEST


def test_the_root_is_small_and_has_no_families() -> None:
    """Modules that share a prefix belong into a folder."""
    names = sorted(path.stem for path in PACKAGE.glob("*.py"))
    assert len(names) <= MOST_ROOT_MODULES
    first_words = [name.split("_")[0] for name in names if name != "__init__"]
    assert len(set(first_words)) == len(first_words)


@_each([path for path in MODULES if "__all__ =" in path.read_text()])
def test_every_name_that_is_offered_is_there(path: Path) -> None:
    """What `__all__` lists is bound in the module; read and not imported, for ldap is an extra."""
    offered = _offered(path)
    assert set(offered) <= _bound(path)
    assert sorted(set(offered)) == sorted(offered)


@pytest.mark.parametrize(
    "name",
    [
        "backends.ldap",
        "backends.memory",
        "backends.sql",
        "client",
        "errors",
        "feed",
        "journal.backend",
        "protection",
        "settings",
        "testing",
        "timestamps",
    ],
)
def test_import_paths_that_users_have_stay(name: str) -> None:
    """These modules are public, and so are their names."""
    assert (PACKAGE / Path(*name.split("."))).is_dir() or (
        PACKAGE / Path(*name.split(".")).with_suffix(".py")
    ).is_file()


def _offered(path: Path) -> list[str]:
    for node in _tree(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def _bound(path: Path) -> set[str]:
    """Name what the lines of a module itself bind."""
    bound: set[str] = set()
    for node in _lines(_tree(path).body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        else:
            bound |= {n.id for n in ast.walk(node) if _is_bound(n)}
    return bound


def _lines(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements, those under a condition, such as for type checkers, as well."""
    for node in body:
        yield from _lines(node.body) if isinstance(node, ast.If) else [node]


def _is_bound(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def test_the_public_face_lists_all_that_it_imports() -> None:
    """What is imported for users there is offered to them."""
    tree = _tree(PACKAGE / "__init__.py")
    named = {
        alias.asname
        for n in ast.walk(tree)
        if isinstance(n, ast.ImportFrom) and n.level
        for alias in n.names
    }
    assert set(flask_gluu_changes.__all__) == named


def test_the_package_is_marked_as_typed() -> None:
    """Type checkers read the annotations of an installed package only then (PEP 561)."""
    assert (PACKAGE / "py.typed").is_file()


def test_the_package_works_without_its_extras() -> None:
    """Everything but the rooms that need them, which name what is missing."""
    optional = {*DATABASE_ROOMS, "backends.ldap", "observe.prometheus"}
    modules = [
        f"{NAME}.{_module(path)}".removesuffix(".__init__")
        for path in MODULES
        if not any(f"{_module(path)}.".startswith(f"{room}.") for room in optional)
    ]
    program = (
        "import sys, importlib\n"
        "sys.modules.update(ldap=None, _ldap=None, sqlalchemy=None, prometheus_client=None)\n"
        f"for name in {modules}: importlib.import_module(name)\n"
        "for name in ('ldap', 'sql'):\n"
        f"    try: importlib.import_module('{NAME}.backends.' + name)\n"
        "    except ImportError as error: print(error.name)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (run.returncode, run.stdout.split(), run.stderr) == (0, ["ldap", "sqlalchemy"], "")
