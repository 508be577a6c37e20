"""`follow` fills the journal from the application's backend; the others tell it what to do."""

from __future__ import annotations

import gc
import logging
import signal
import sys
from contextlib import ExitStack
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from ..follower import Follower, SnapshotProgress, StopSignal
from .follow_metrics import Address, measuring, read_address
from .journal import ingest_module, known_source_of, source_of

FEW_COLLECTIONS = 50_000, 20, 50
"""After how many new objects the collector looks for cycles, of which entries have none."""


@click.command()
@click.option(
    "--metrics-port",
    metavar="[ADDRESS:]PORT",
    callback=read_address,
    help="Answer Prometheus there; without an address on this machine only.",
)
@click.option(
    "--metrics-file",
    type=click.Path(dir_okay=False),
    help="Write metrics there, for node_exporter's textfile collector.",
)
@with_appcontext
def follow(metrics_port: Address | None, metrics_file: str | None) -> None:
    """Fill the journal until SIGTERM or SIGINT; a second process waits and takes over."""
    # the command is a process of its own, so the log is its to configure
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    backend = source_of(current_app)
    stop = StopSignal()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    gc.freeze()  # else each collection visits all that was imported, and delays changes
    gc.set_threshold(*FEW_COLLECTIONS)
    with measuring(metrics_port, metrics_file) as meter, ingest_module("service") as service:
        service.run_ingest(current_app.config, backend, stop, Progress(), meter)


@click.command("new-epoch")
@with_appcontext
def new_epoch() -> None:
    """Void every token of the journal, so that each client reads everybody again.

    For a journal that was restored from a backup while clients went on reading.
    """
    with ingest_module("service") as service:
        service.begin_epoch(current_app.config, known_source_of(current_app))
    click.echo("A new epoch has begun; `follow` reads everybody before anything is answered.")


@click.command("confirm-removals")
@with_appcontext
def confirm_removals() -> None:
    """Let the removals go that `follow` holds back now, because too many came at once.

    The log of `follow` and the doctor say how many they are. It goes on running meanwhile.
    """
    with ingest_module("service") as service:
        number = service.confirm_removals(current_app.config)
    if not number:
        raise click.ClickException("no removal is held back")
    click.echo(f"confirmed: {number}; `follow` removes them within seconds, or when it starts.")


class Progress(SnapshotProgress):
    """Shows the first complete snapshot as a progress bar on a terminal."""

    def __init__(self) -> None:
        self._drawn = ExitStack()
        self._bar: Any = None

    def started(self, follower: Follower) -> None:
        """Draw the bar; people are counted for it only where there is a terminal."""
        total = follower.count() if sys.stderr.isatty() else None
        self.finished()
        self._bar = self._drawn.enter_context(
            click.progressbar(length=total or 0, label="first reading", file=sys.stderr)
        )

    def advanced(self, number: int) -> None:
        """Move the bar by a number of identities."""
        if self._bar is not None:
            self._bar.update(number)

    def finished(self) -> None:
        """Finish the line of the bar."""
        self._drawn.close()
        self._bar = None
