"""`list`: the page that the operation would answer with, on the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo

import click
from flask.cli import with_appcontext

from ..configuration import names
from ..errors import BackendError
from ..feed import Feed
from ..schemas import MAX_START
from ..settings import Settings
from ..timestamps import parse_timestamp
from .table import Results, narrowed, table

CALLER = "flask gluu-changes"


def list_command(settings: Settings, feed: Feed) -> click.Command:
    """Make the command for an application's settings and feed."""
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
        if form == "json":
            _print_json(body, attributes)
        else:
            times = settings.time_attributes or ()
            click.echo(table(json.loads(body), attributes or ("uid", "inum", *times)))

    return list_changes


def _time_in(naive: tzinfo) -> Callable[[click.Context, click.Parameter, str], datetime]:
    """Read a time as the operation does; one without offset belongs to a zone."""

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
        return feed.page(since, caller=CALLER, start=start, size=size).to_json(since)
    except BackendError as error:
        raise click.ClickException(str(error)) from error


def _print_json(body: bytes, attributes: Sequence[str] | None) -> None:
    """Print the body of the operation's answer to the byte, or its entries narrowed."""
    if attributes:
        page = json.loads(body)
        results: Results = [narrowed(entry, attributes) for entry in page["results"]]
        text = json.dumps({**page, "results": results}, ensure_ascii=False, separators=(",", ":"))
        body = text.encode()
    click.echo(body, nl=sys.stdout.isatty())
