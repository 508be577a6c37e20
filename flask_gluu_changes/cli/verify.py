"""`verify`: whether the journal is exactly what the application's backend holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from .journal import ingest_module, source_of
from .list import printable


@click.command()
@click.option("--repair", is_flag=True, help="Write what differs, so that clients get it.")
@with_appcontext
def verify(repair: bool) -> None:
    """Compare the journal with everybody in its source; exit code 1 when they differ.

    Ids are printed, and names of attributes, but no values. It may run next to `follow`.
    """
    with ingest_module("verify") as module:
        report = module.verify(current_app.config, source_of(current_app), repair=repair)
    click.echo(f"people compared: {report.people}")
    for kind, names_by_id in report.names_by_kind().items():
        _print(kind, names_by_id)
    _print_rest(report)
    click.get_current_context().exit(0 if report.is_exact else 1)


def _print(kind: str, faults: Mapping[str, Sequence[str]]) -> None:
    click.echo(f"{kind}: {len(faults)}")
    for id_ in sorted(faults):
        names = f" ({', '.join(map(printable, faults[id_]))})" if faults[id_] else ""
        click.echo(f"  {printable(id_)}{names}")


def _print_rest(report: Any) -> None:
    """Say what is not in the lists, if there is anything."""
    for number, text in (
        (report.repaired, "repaired: {}"),
        (report.unsettled, "changed at every look, so not to be compared: {}"),
        (report.uncounted, "more that differ, run it again: {}"),
    ):
        if number:
            click.echo(text.format(number))
    if not report.confirmed:
        click.echo(
            "`follow` did not catch up meanwhile; run `flask gluu-changes doctor` to see why"
        )
