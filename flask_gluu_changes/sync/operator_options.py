"""The options that say what an operator is told of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from .option_groups import option_group

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


operator_options = option_group(
    "operator",
    OperatorOptions,
    [
        click.option(
            "--report", type=FILE, metavar="FILE", help="Leave a report of each run, as JSON."
        ),
        click.option(
            "--metrics-file",
            type=FILE,
            metavar="FILE",
            help="Leave FILE.prom for Prometheus.",
        ),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing unless something is wrong."),
    ],
)
