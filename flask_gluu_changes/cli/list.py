"""`list`: a page of the operation as a table on the terminal, or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, TypeAlias

import click
from flask.cli import with_appcontext

from ..errors import BackendError
from ..feed.feed import Feed
from ..journal.damage import NONSENSE
from ..settings.base import Settings
from ..settings.fields import names
from ..timestamps import parse_timestamp
from ..web.query import MAX_START

Person: TypeAlias = Mapping[str, Sequence[Any]]
Results: TypeAlias = list[dict[str, Sequence[Any]]]

CALLER = "flask gluu-changes"
"""Keeps the paging sessions of the command apart from those of clients."""

GAP = "  "

NO_JSON = (
    "the journal holds a line that is no JSON; `flask gluu-changes verify` names it, and mends it"
    " with --repair"
)


def list_command(settings: Settings, feed: Feed) -> click.Command:
    """Return the command for an application's settings and feed."""
    largest = settings.max_page_size

    @click.command("list")
    @click.option("--since", required=True, callback=_time_in(settings.naive_timezone))
    @click.option("--start", default=0, show_default=True, type=click.IntRange(0, MAX_START))
    @click.option("--pagesize", default=largest, show_default=True, type=click.IntRange(1, largest))
    @click.option("--attributes", callback=_names, help="Show these alone, such as uid,mail.")
    @click.option("--format", "form", default="table", type=click.Choice(["table", "json"]))
    @with_appcontext
    def list_changes(
        since: datetime, start: int, pagesize: int, attributes: Sequence[str] | None, form: str
    ) -> None:
        """List who was added or changed at or after a time, as the operation does."""
        body = _page(feed, since, start, pagesize)
        shown = attributes or ("uid", "inum", *settings.time_attributes)
        try:
            if form == "json":
                _print_json(body, attributes)
            else:
                click.echo(table(json.loads(body), shown))
        except NONSENSE as error:  # a journal's lines are sent as they are
            raise click.ClickException(NO_JSON) from error

    return list_changes


def _time_in(naive: tzinfo) -> Callable[[click.Context, click.Parameter, str], datetime]:
    """Return a callback that reads a time as the operation does, in a zone for naive ones."""

    def read(ctx: click.Context, param: click.Parameter, value: str) -> datetime:
        try:
            return parse_timestamp(value, naive)
        except ValueError as error:
            sentence = f"{value!r} is no time such as 2019-12-24T12:00:03-05:00"
            raise click.BadParameter(sentence, ctx, param) from error

    return read


def _names(ctx: click.Context, param: click.Parameter, value: str | None) -> Sequence[str] | None:
    found = None if value is None else names(value)
    if found == ():
        raise click.BadParameter("give at least one name", ctx, param)
    return found


def _page(feed: Feed, since: datetime, start: int, size: int) -> bytes:
    try:
        return feed.page(since, caller=CALLER, start=start, size=size).to_json()
    except BackendError as error:
        raise click.ClickException(str(error)) from error


def _print_json(body: bytes, attributes: Sequence[str] | None) -> None:
    """Print the body of the operation's answer unchanged, or with some attributes only."""
    if attributes:
        page = json.loads(body)
        results: Results = [narrowed(entry, attributes) for entry in page["results"]]
        text = json.dumps({**page, "results": results}, ensure_ascii=False, separators=(",", ":"))
        body = text.encode()
    # to the byte for programs, with an end of line for people
    click.echo(body, nl=sys.stdout.isatty())


def narrowed(entry: Person, attributes: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Return some attributes of an entry; case and options as in `cn;lang-de` do not count."""
    wanted = {name.lower() for name in attributes}
    return {name: vs for name, vs in entry.items() if name.partition(";")[0].lower() in wanted}


def table(page: Mapping[str, Any], attributes: Sequence[str]) -> str:
    """Return a page as a table with a column for each attribute, and its totals below."""
    rows = [[_cell(entry, name) for name in attributes] for entry in page["results"]]
    widths = [max(map(len, column)) for column in zip(attributes, *rows, strict=True)]
    lines = [_line(row, widths) for row in (attributes, ["-" * width for width in widths], *rows)]
    totals = f"entries: {page['total']}, latest update at {page['latestUpdateAt']}"
    return "\n".join([*lines, "", totals])


def _cell(entry: Person, attribute: str) -> str:
    found = narrowed(entry, [attribute]).values()
    return ", ".join(printable(str(value)) for values in found for value in values)


def printable(text: str) -> str:
    """Escape control characters, which a terminal would obey: a name may hold anything."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return GAP.join(padded).rstrip()
