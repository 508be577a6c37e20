"""Entries as a table for people who read it on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Person: TypeAlias = Mapping[str, Sequence[Any]]
Results: TypeAlias = list[dict[str, Sequence[Any]]]

GAP = "  "


def narrowed(entry: Person, attributes: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Keep some attributes of an entry; case and options as in `cn;lang-de` do not count."""
    wanted = {name.lower() for name in attributes}
    return {name: vs for name, vs in entry.items() if name.partition(";")[0].lower() in wanted}


def table(page: Mapping[str, Any], attributes: Sequence[str]) -> str:
    """Write a page with a column for each attribute, and what the page says of itself below."""
    rows = [[_cell(entry, name) for name in attributes] for entry in page["results"]]
    widths = [max(map(len, column)) for column in zip(attributes, *rows, strict=True)]
    lines = [_line(row, widths) for row in (attributes, ["-" * width for width in widths], *rows)]
    below = f"entries: {page['total']}, latest update at {page['latestUpdateAt']}"
    return "\n".join([*lines, "", below])


def _cell(entry: Person, attribute: str) -> str:
    found = narrowed(entry, [attribute]).values()
    return ", ".join(_printable(str(value)) for values in found for value in values)


def _printable(text: str) -> str:
    """Escape what a terminal would obey: a name may hold anything."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return GAP.join(padded).rstrip()
