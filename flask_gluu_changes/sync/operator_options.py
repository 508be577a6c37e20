"""The options that say what an operator is told of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

import click

FILE = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class OperatorOptions:
    """What an operator is told.

    Attributes:
        report: The file that each run leaves as JSON.
        metrics_file: The file that each run leaves for Prometheus.
        quiet: Whether a run that ends well says nothing.
    """

    report: Path | None = None
    metrics_file: Path | None = None
    quiet: bool = False


_OPTIONS = (
    click.option(
        "--report", type=FILE, metavar="FILE", help="Leave what was done in a file, as JSON."
    ),
    click.option(
        "--metrics-file",
        type=FILE,
        metavar="FILE.prom",
        help="Leave it for Prometheus, with the time of the last success.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Say nothing unless something is wrong."),
)


def operator_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options, which it gets as one argument `operator`."""

    @wraps(command)
    def wrapped(**given: Any) -> Any:
        own = {field.name: given.pop(field.name) for field in fields(OperatorOptions)}
        return command(operator=OperatorOptions(**own), **given)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped
