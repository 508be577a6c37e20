"""`flask gluu-changes follow` fills the journal from the application's backend; `new-epoch`."""

from __future__ import annotations

import gc
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from ..errors import BackendRefused, ConfigurationError
from ..follower import Follower, SnapshotProgress, StopSignal
from ..journal.protocol import SequenceBackend


@click.command()
@with_appcontext
def follow() -> None:
    """Fill the journal until SIGTERM or SIGINT; a second one waits and takes over."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    backend = current_app.extensions["gluu_changes"].feed.backend
    if isinstance(backend, SequenceBackend):
        backend = backend.source
    if backend is None:
        raise click.ClickException("the journal has no source: JournalBackend(…, source=backend)")
    stop = StopSignal()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    gc.freeze()  # else collections walk through all that was imported, while changes wait
    with _service() as service:
        service.run_ingest(current_app.config, backend, stop, Progress())


@click.command("new-epoch")
@with_appcontext
def new_epoch() -> None:
    """Void every token of the journal, so that each client reads everybody again.

    For a journal that was restored from a backup while clients were not at rest.
    """
    with _service() as service:
        service.begin_epoch(current_app.config)
    click.echo("A new epoch has begun; `follow` reads everybody before anything is answered.")


@contextmanager
def _service() -> Iterator[ModuleType]:
    """Give the module that needs the extra, and say in one sentence what an operator must do."""
    try:
        from ..journal.ingest import service
    except ModuleNotFoundError as error:
        raise click.ClickException("pip install 'flask-gluu-changes[journal]' first") from error
    try:
        yield service
    except (BackendRefused, ConfigurationError) as error:
        raise click.ClickException(str(error)) from error


class Progress(SnapshotProgress):
    """Shows the first reading on a terminal."""

    def __init__(self) -> None:
        self._bar: Any = None

    def started(self, follower: Follower) -> None:
        """Draw the bar; people are counted first, but only if somebody watches."""
        total = follower.count() if sys.stderr.isatty() else None
        self.finished()
        self._bar = click.progressbar(length=total or 0, label="first reading", file=sys.stderr)
        self._bar.__enter__()

    def advanced(self, number: int) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.update(number)

    def finished(self) -> None:
        """Finish the line."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
        self._bar = None
