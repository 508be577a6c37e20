"""The options that say where changes go, and where the position is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from .command_sink import TIMEOUT
from .durations import some_time
from .option_groups import option_group

Removals = Literal["delete", "disable", "keep"]
"""What a removal does to a row: nothing is left of it, `active` becomes false, or nothing."""

FORMATS = ("ndjson", "csv", "ldif")


@dataclass(frozen=True, slots=True)
class StateOptions:
    """Where a job keeps what it remembers.

    Attributes:
        state: A file of its own.
        into: The database of the replica, which holds the state as well without such a file.
        table: The name of the table of people.
    """

    state: Path | None = None
    into: str = ""
    table: str = "people"


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """Where changes go.

    Attributes:
        removals: What a removal does to a row of the table.
        output: Files that changes are added to; `-` for standard output.
        output_format: The format of them where their names do not say it.
        ldif_base: The entry under which LDIF has people.
        hooks: Commands that get batches on their standard input.
        exec_timeout: The longest time that one may take for a batch, in seconds.
        attributes: The only attributes to read; empty for all.
        exclude: The attributes not to read.
    """

    removals: Removals = "delete"
    output: tuple[str, ...] = ()
    output_format: str = ""
    ldif_base: str = ""
    hooks: tuple[str, ...] = ()
    exec_timeout: float = TIMEOUT
    attributes: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def _url_of(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Refuse a password that others can see in a list of processes."""
    source = context.get_parameter_source(str(parameter.name))
    if source is click.core.ParameterSource.COMMANDLINE and _has_password(value):
        raise click.BadParameter(
            "it holds a password, which others can see in a list of processes; put the URL into"
            " the variable GLUU_SYNC_INTO, or the password where the driver looks for it"
        )
    return value


def _has_password(url: str) -> bool:
    user = url.partition("://")[2].partition("/")[0].rpartition("@")[0]
    return ":" in user


def _names(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(name for name in (part.strip() for part in value.split(",")) if name)


state_options = option_group(
    "place",
    StateOptions,
    [
        click.option(
            "--state",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            envvar="GLUU_SYNC_STATE",
            help="Remember position and people in this file.",
        ),
        click.option(
            "--into",
            metavar="URL",
            default="",
            envvar="GLUU_SYNC_INTO",
            callback=_url_of,
            help="Keep a table equal: sqlite:///people.db.",
        ),
        click.option(
            "--table",
            metavar="NAME",
            default="people",
            help="The name of that table; people.",
        ),
    ],
)

target_options = option_group(
    "target",
    TargetOptions,
    [
        click.option(
            "--removals",
            type=click.Choice(["delete", "disable", "keep"]),
            metavar="WHAT",
            default="delete",
            help="For rows: delete, disable or keep.",
        ),
        click.option(
            "--output",
            multiple=True,
            metavar="FILE",
            help="Append: .ndjson, .csv, .ldif; - prints.",
        ),
        click.option(
            "--output-format",
            type=click.Choice(["", *FORMATS]),
            default="",
            metavar="FORMAT",
            help="If the name does not say it: ldif.",
        ),
        click.option(
            "--ldif-base",
            metavar="DN",
            default="",
            help="Parent entry in LDIF: ou=people,o=example.",
        ),
        click.option(
            "--exec",
            "hooks",
            multiple=True,
            metavar="COMMAND",
            help="Gets each batch as NDJSON on its input.",
        ),
        click.option(
            "--exec-timeout",
            type=some_time,
            default="10m",
            metavar="SECONDS",
            help="The longest time for a batch; 10m.",
        ),
        click.option(
            "--attributes",
            metavar="NAMES",
            default="",
            callback=_names,
            help="Read these attributes only: uid,mail.",
        ),
        click.option(
            "--exclude",
            metavar="NAMES",
            default="",
            callback=_names,
            help="Do not read these attributes.",
        ),
    ],
)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run decides.

    Attributes:
        max_removals: How many removals are too many, as a number or a share.
        allow_removals: The number of removals that may go this once; None for none.
        strict: Whether a record that is refused ends the run.
        retry: Whether those that were set aside are offered again.
    """

    max_removals: str = "20%"
    allow_removals: int | None = None
    strict: bool = False
    retry: bool = False


run_options: Any = option_group(
    "rules",
    RunOptions,
    [
        click.option(
            "--max-removals",
            metavar="LIMIT",
            default="20%",
            help="Apply nothing if more would go; 20%.",
        ),
        click.option(
            "--allow-removals",
            type=click.IntRange(0),
            metavar="NUMBER",
            help="Let exactly so many go, this once.",
        ),
        click.option("--strict", is_flag=True, help="Stop at a record that a target refuses."),
        click.option("--retry", is_flag=True, help="Offer records that were set aside again."),
    ],
)
