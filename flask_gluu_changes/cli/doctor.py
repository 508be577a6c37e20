"""`doctor`: what keeps the operation from answering as it should, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from ..backend import Backend
from ..errors import BackendUnavailable, ConfigurationError, GluuChangesError
from ..feed.feed import Feed
from ..journal.protocol import SequenceBackend
from ..model import Finding, Level
from ..protection import Guard
from ..settings.backends import LdapSettings, SqlSettings
from ..settings.base import Settings
from ..settings.fields import PREFIX, SettingsGroup
from ..settings.journal import FollowSettings, JournalSettings
from ..settings.protection import ProtectionSettings
from ..timestamps import EPOCH
from .shown import examine_shown

COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.FAULT: "red"}
GROUPS: tuple[tuple[type[SettingsGroup], str], ...] = (
    (LdapSettings, "LDAP_URI"),
    (SqlSettings, "SQL_URL"),
    (ProtectionSettings, "PROTECTION"),
    (JournalSettings, ""),
    (FollowSettings, ""),
)
"""Groups of settings, and the key without which they cannot be loaded, if there is one."""

WIDTH = max(map(len, Level)) + 2


def doctor_command(settings: Settings, feed: Feed, guard: Guard) -> click.Command:
    """Return the command for an application's settings, feed and guard."""

    @click.command("doctor")
    @with_appcontext
    def examine() -> None:
        """Examine settings, authorization server and store; exit code 1 when there is a fault.

        Warnings are about what may be intended, and about what cannot be examined.
        """
        levels = [_print(found) for found in _findings(settings, feed, guard)]
        faults, warnings = levels.count(Level.FAULT), levels.count(Level.WARNING)
        click.echo(f"faults: {faults}, warnings: {warnings}")
        click.get_current_context().exit(1 if faults else 0)

    return examine


def _findings(settings: Settings, feed: Feed, guard: Guard) -> Iterator[Finding]:
    yield from examine_settings(settings)
    yield from examine_config(current_app.config, feed.backend)
    yield from guard.examine()
    query, has_fault = feed.query(EPOCH), False
    try:
        for found in feed.backend.examine(query):
            has_fault = has_fault or found.level is Level.FAULT
            yield found
        yield from examine_shown(settings, feed.backend, query)
    except GluuChangesError as error:
        if not has_fault:  # else it was told already
            yield _of_failure(error)


def _of_failure(error: GluuChangesError) -> Finding:
    if isinstance(error, BackendUnavailable):
        return Finding.fault(
            str(error),
            "start the store, or correct the address in GLUU_CHANGES_LDAP_URI or"
            " GLUU_CHANGES_SQL_URL",
        )
    # its text says what the store refuses, and how it is mended
    return Finding.fault(str(error), "mend that, and run `flask gluu-changes doctor` again")


def examine_config(config: Mapping[str, Any], backend: Backend) -> Iterator[Finding]:
    """Yield findings about the keys that are read when they are needed, and not at the start."""
    for group, needs in GROUPS:
        if not needs or f"{PREFIX}{needs}" in config:
            try:
                group.load(config)
            except ConfigurationError as error:
                key = str(error).split()[0]
                yield Finding.fault(str(error), f"correct {key} in the application's settings")
    if config.get(f"{PREFIX}JOURNAL_URL") and not isinstance(backend, SequenceBackend):
        yield Finding.warning(
            "a journal is named, and the application serves none: clients get no tokens",
            "serve JournalBackend.from_config(app.config, source=…), or take out"
            f" {PREFIX}JOURNAL_URL",
        )


def examine_settings(settings: Settings) -> Iterator[Finding]:
    """Yield findings about settings that are valid but probably not intended."""
    allowed = {name.lower() for name in settings.allowed_attributes}
    hidden_ones = replace(settings.visibility, allowed=None)
    denied = {name for name in {*allowed, "inum", "uid"} if not hidden_ones.shows(name)}
    yield Finding.ok(f"the settings hold, with the profile {settings.profile}")
    if both := sorted(allowed & denied):
        yield Finding.warning(
            f"allowed and denied, so not shown: {', '.join(both)}",
            "take it out of GLUU_CHANGES_ALLOWED_ATTRIBUTES or of GLUU_CHANGES_DENIED_ATTRIBUTES; a"
            " secret needs GLUU_CHANGES_SHOWN_SECRETS, too",
        )
    if hidden := [n for n in ("inum", "uid") if n in denied or (allowed and n not in allowed)]:
        yield Finding.warning(
            f"clients tell people apart by what is not shown: {', '.join(hidden)}",
            "add them to GLUU_CHANGES_ALLOWED_ATTRIBUTES, or take them out of"
            " GLUU_CHANGES_DENIED_ATTRIBUTES",
        )


def _print(found: Finding) -> Level:
    click.echo(click.style(found.level.ljust(WIDTH), fg=COLOURS[found.level]) + found.what)
    if found.advice:
        click.echo(" " * WIDTH + f"do: {found.advice}")
    return found.level
