"""Draw the package's own imports as an SVG, and count them.

    python -m tools.architecture                 print the figures of this checkout
    python -m tools.architecture OTHER/CHECKOUT  print those of another one
    python -m tools.architecture --write         draw docs/explanation/architecture.svg anew

A room is a folder of the package, or a module in its root; what users import, the package itself,
is the room `__init__`. Imports for type checkers alone count like all others.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "flask_gluu_changes"
DIAGRAM = Path("docs/explanation/architecture.svg")
DEEPEST = 2  # folders below such a room are parts of it, as `backends/ldap/syncrepl` is

Rooms = dict[str, set[str]]
"""Each room with those that it imports."""


@dataclass(frozen=True)
class Architecture:
    """The rooms of a package and what they import of each other.

    Attributes:
        modules: Dotted names below the package, with their files.
    """

    modules: dict[str, Path]

    @classmethod
    def of(cls, checkout: Path) -> Architecture:
        """Find the modules of a checkout."""
        package = checkout / PACKAGE
        return cls({_dotted(file.relative_to(package)): file for file in package.rglob("*.py")})

    @cached_property
    def rooms(self) -> Rooms:
        """Return each room with the rooms that it imports."""
        rooms: Rooms = {self.room(name): set() for name in sorted(self.modules)}
        for name in self.modules:
            rooms[self.room(name)] |= {self.room(used) for used in self._imported(name)}
        return {room: used - {room} for room, used in rooms.items()}

    @cached_property
    def floors(self) -> list[list[str]]:
        """Return the rooms by floor, the lowest first: each imports from lower floors alone."""
        floor: dict[str, int] = {}
        for room in _from_below(self.rooms):
            floor[room] = 1 + max((floor[used] for used in self.rooms[room]), default=-1)
        numbers = range(max(floor.values(), default=-1) + 1)
        return [sorted(room for room in floor if floor[room] == number) for number in numbers]

    @property
    def figures(self) -> dict[str, int]:
        """Return the figures by which two states of the package can be compared."""
        in_root = [name for name, file in self.modules.items() if _folder(name, file) == []]
        return {
            "modules in the root": len(in_root),
            "files": len(self.modules),
            "rooms": len(self.rooms),
            "floors": len(self.floors),
            "imports between rooms": sum(map(len, self.rooms.values())),
        }

    def room(self, module: str) -> str:
        """Return the room of a module: its folder, or in the root the module itself."""
        return ".".join(_folder(module, self.modules[module])[:DEEPEST]) or module

    def purpose(self, room: str) -> str:
        """Return the first sentence that a room says of itself."""
        doc = ast.get_docstring(ast.parse(self.modules[room].read_text())) or ""
        return " ".join(doc.partition("\n\n")[0].split())

    def reduced(self) -> list[tuple[str, str]]:
        """Return the imports without those that follow from others."""
        return [
            (room, used)
            for room, direct in self.rooms.items()
            for used in sorted(direct)
            if not any(used in self._below(other) for other in direct - {used})
        ]

    def _below(self, room: str) -> set[str]:
        return self.rooms[room].union(*map(self._below, self.rooms[room]))

    def _imported(self, module: str) -> Iterator[str]:
        package = ".".join([PACKAGE, *_folder(module, self.modules[module])])
        for node in ast.walk(ast.parse(self.modules[module].read_text())):
            if isinstance(node, ast.Import):
                yield from self._known(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = resolve_name("." * node.level + (node.module or ""), package)
                yield from self._known(self._deepest(base, alias.name) for alias in node.names)

    def _deepest(self, base: str, name: str) -> str:
        """Return the module's own name where what is imported from another is a module itself."""
        below = f"{base}.{name}".removeprefix(f"{PACKAGE}.")
        return f"{base}.{name}" if below in self.modules else base

    def _known(self, names: Iterable[str]) -> Iterator[str]:
        for name in names:
            if name == PACKAGE:
                yield "__init__"
            elif name.startswith(f"{PACKAGE}."):
                yield name.removeprefix(f"{PACKAGE}.")


def _dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _folder(module: str, file: Path) -> list[str]:
    parts = module.split(".")
    if file.name == "__init__.py" and module != "__init__":
        return parts
    return parts[:-1]


def _from_below(rooms: Rooms) -> list[str]:
    try:
        return list(TopologicalSorter(rooms).static_order())
    except CycleError as error:
        sys.exit(f"rooms import each other: {' → '.join(error.args[1])}")


WIDTH, MARGIN, HEIGHT, BETWEEN = 960, 24, 34, 46
LETTER = 7.4  # of 12 px monospace, in px
STYLE = (
    "rect{fill:#f4f7fb;stroke:#3b5b84}path{fill:none;stroke:#8aa0bb}"
    "text{font:12px monospace;fill:#16263a;text-anchor:middle}.paper{fill:#fff;stroke:none}"
)


def draw(architecture: Architecture) -> str:
    """Return the diagram: a row for each floor, an arrow for each import that no other implies."""
    floors = _ordered(architecture)
    places = _places(floors)
    height = len(floors) * (HEIGHT + BETWEEN) - BETWEEN + 2 * MARGIN + 28
    figures = ", ".join(f"{name}: {n}" for name, n in architecture.figures.items())
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>Rooms of {PACKAGE} and the imports between them</title>",
        f"<desc>{figures}</desc><style>{STYLE}</style>",
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
        ' orient="auto"><path d="M0,0L8,4L0,8z" style="fill:#8aa0bb"/></marker>',
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        *(_arrow(places[room], places[used]) for room, used in architecture.reduced()),
        *(_box(room, places[room]) for floor in floors for room in floor),
        f'<text x="{WIDTH // 2}" y="{height - 16}">{figures}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _ordered(architecture: Architecture) -> list[list[str]]:
    """Return the floors from the highest down, rooms near those that import them."""
    floors = [list(floor) for floor in reversed(architecture.floors)]
    users: dict[str, list[str]] = {room: [] for room in architecture.rooms}
    for room, used in architecture.reduced():
        users[used].append(room)
    centre: dict[str, float] = {}
    for floor in floors:
        wish = {r: sum(centre[u] for u in users[r]) / len(users[r]) for r in floor if users[r]}
        floor.sort(key=lambda room: (wish.get(room, 0.5), room))
        centre.update((room, (i + 0.5) / len(floor)) for i, room in enumerate(floor))
    return floors


def _places(floors: list[list[str]]) -> dict[str, tuple[float, float, float]]:
    """Return the middle, the top and the width of each box."""
    places = {}
    for number, floor in enumerate(floors):
        widths = [len(room) * LETTER + 20 for room in floor]
        space = (WIDTH - 2 * MARGIN - sum(widths)) / len(floor)
        left = MARGIN + space / 2
        for room, width in zip(floor, widths, strict=True):
            top = MARGIN + number * (HEIGHT + BETWEEN)
            places[room] = (left + width / 2, float(top), width)
            left += width + space
    return places


def _box(room: str, place: tuple[float, float, float]) -> str:
    middle, top, width = place
    return (
        f'<rect x="{middle - width / 2:.0f}" y="{top:.0f}" width="{width:.0f}" height="{HEIGHT}"'
        f' rx="6"/><text x="{middle:.0f}" y="{top + 21:.0f}">{room}</text>'
    )


def _arrow(start: tuple[float, float, float], end: tuple[float, float, float]) -> str:
    x, y, to_x, to_y = start[0], start[1] + HEIGHT, end[0], end[1]
    bend = min(40.0, (to_y - y) / 2)
    curve = f"M{x:.0f},{y:.0f}C{x:.0f},{y + bend:.0f} {to_x:.0f},{to_y - bend:.0f}"
    return f'<path d="{curve} {to_x:.0f},{to_y:.0f}" marker-end="url(#tip)"/>'


def main() -> None:
    """Print the figures, or write the diagram."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("checkout", nargs="?", type=Path, default=ROOT)
    parser.add_argument("--write", action="store_true", help=f"write {DIAGRAM}")
    asked = parser.parse_args()
    architecture = Architecture.of(asked.checkout)
    if asked.write:
        (asked.checkout / DIAGRAM).write_text(draw(architecture))
    for name, number in architecture.figures.items():
        print(f"{name}: {number}")


if __name__ == "__main__":
    main()
