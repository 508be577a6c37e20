"""`status`: whether the operation is ready, for people, programs and Nagios."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
from flask.cli import with_appcontext

from ..observe.health import Health, Readiness
from ..timestamps import from_micros, to_instant

OK, WARNING, CRITICAL = 0, 1, 2
"""Exit codes, as Nagios has them."""

WORDS = {OK: "OK", WARNING: "WARNING", CRITICAL: "CRITICAL"}


def status_command(readiness: Readiness) -> click.Command:
    """Return the command for what tells whether an application is ready."""

    @click.command("status")
    @click.option("--format", "form", default="text", type=click.Choice(["text", "json", "nagios"]))
    @with_appcontext
    def status(form: str) -> None:
        """Tell whether the operation is ready, and how its journal is.

        Exit code 0: all is well; 1: entries are set aside, or removals are held back; 2: not ready.
        """
        health = readiness.look()
        click.echo({"text": _text, "json": _json, "nagios": _nagios}[form](health))
        click.get_current_context().exit(code_of(health))

    return status


def code_of(health: Health) -> int:
    """Return the exit code for what was seen."""
    if health.failed:
        return CRITICAL
    status = health.status
    return WARNING if status and (status.quarantined or status.held) else OK


def _text(health: Health) -> str:
    ready = f"no, the check {health.failed} fails: {health.why}" if health.failed else "yes"
    return "\n".join(f"{name}: {value}" for name, value in (("ready", ready), *_details(health)))


def _details(health: Health) -> Iterator[tuple[str, object]]:
    if (status := health.status) is None:
        return
    yield "level", f"{status.level} ({status.why})"
    yield "last change", status.head
    yield "confirmed", "never" if health.age is None else f"{health.age:.0f} s ago"
    yield "entries set aside", status.quarantined
    yield "removals held back", status.held


def _json(health: Health) -> str:
    found: dict[str, Any] = {"status": WORDS[code_of(health)].lower()}
    if health.failed:
        found.update(failed=health.failed, why=health.why)
    if (status := health.status) is not None:
        at = to_instant(from_micros(status.confirmed_at)) if status.confirmed_at else None
        found.update(
            level=status.level,
            head=status.head,
            built=status.built,
            confirmedAt=at,
            quarantined=status.quarantined,
            heldRemovals=status.held,
        )
    return json.dumps(found)


def _nagios(health: Health) -> str:
    """Write a line as Nagios' plugins do, with the figures behind a bar."""
    code = code_of(health)
    what = f"the check {health.failed} fails: {health.why}" if health.failed else "ready"
    line = f"GLUU CHANGES {WORDS[code]} - {what}"
    if (status := health.status) is None:
        return _one_line(line)
    if code == WARNING:
        line += f", entries set aside: {status.quarantined}, removals held back: {status.held}"
    figures = f"head={status.head}c quarantined={status.quarantined} held={status.held}"
    age = "" if health.age is None else f" confirmed_age={health.age:.0f}s"
    return f"{_one_line(line)} | {figures}{age}"


def _one_line(text: str) -> str:
    """Leave nothing in a text that would end it for Nagios."""
    return " ".join(text.replace("|", "/").split())
