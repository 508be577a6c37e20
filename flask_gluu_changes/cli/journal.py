"""What the commands that write or examine a journal have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

import click
from flask import Flask

from ..backend import Backend
from ..errors import GluuChangesError
from ..journal.protocol import SequenceBackend

INGEST = "flask_gluu_changes.journal.ingest"


@contextmanager
def ingest_module(name: str) -> Iterator[ModuleType]:
    """Return a module that needs the extra; an error is one sentence for the operator."""
    try:
        module = import_module(f"{INGEST}.{name}")
    except ModuleNotFoundError as error:
        raise click.ClickException("pip install 'flask-gluu-changes[journal]' first") from error
    try:
        yield module
    except GluuChangesError as error:
        raise click.ClickException(str(error)) from error


def source_of(app: Flask) -> Backend:
    """Return the backend that the journal of an application is filled from."""
    backend = known_source_of(app)
    if backend is None:
        raise click.ClickException("the journal has no source: JournalBackend(…, source=backend)")
    return backend


def known_source_of(app: Flask) -> Backend | None:
    """Return the same; None where the application only reads a journal."""
    backend: Backend | None = app.extensions["gluu_changes"].feed.backend
    return backend.source if isinstance(backend, SequenceBackend) else backend
