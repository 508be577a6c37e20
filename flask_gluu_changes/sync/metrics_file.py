"""What a run did, for Prometheus: a file that node_exporter's textfile collector reads.

The time of the last success is there after each failure as well: its age is what to be warned of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ..timestamps import EPOCH
from .exit_codes import ExitCode
from .files import replace_file
from .report import Report

PREFIX = "gluu_changes_sync_"

KINDS = ("created", "updated", "removed", "skipped", "set_aside", "held")

_SUCCESS = re.compile(rf"^{PREFIX}last_success_timestamp_seconds{{[^}}]*}} (\S+)$", re.MULTILINE)


class Metric(NamedTuple):
    """A metric with its values: labels, and a number for each."""

    name: str
    help: str
    values: Iterable[tuple[str, float]]


def write_metrics(path: Path, report: Report, now: datetime) -> None:
    """Replace a file of metrics.

    Several jobs on one machine have a file each; its name is a label, by which they differ.

    Args:
        path: The file, whose name ends with `.prom`.
        report: The run.
        now: When it ended.

    Raises:
        SyncError: The file cannot be written.
    """
    label = f'sync="{_escaped(path.stem)}"'
    ended = (now - EPOCH).total_seconds()
    success = ended if report.exit_code is ExitCode.DONE else _last_success(path, report)
    lines = [line for metric in _metrics(report, ended, success) for line in _lines(metric, label)]
    replace_file(path, "\n".join(lines) + "\n")


def _metrics(report: Report, ended: float, success: float | None) -> Iterator[Metric]:
    run = report.outcome
    if success is not None:
        text = "When a run last ended well."
        yield Metric("last_success_timestamp_seconds", text, [("", success)])
    yield Metric("last_run_timestamp_seconds", "When the last run ended.", [("", ended)])
    yield Metric("last_run_seconds", "How long the last run took.", [("", report.seconds)])
    text = "The exit code of the last run; 0 is good."
    yield Metric("last_run_exit_code", text, [("", report.exit_code)])
    kinds = [(f',kind="{kind}"', getattr(run, kind)) for kind in KINDS]
    yield Metric("last_run_changes", "What the last run did, in people.", kinds)
    if report.exit_code is ExitCode.DONE:
        yield Metric("people", "How many people the replica has.", [("", run.known)])


def _lines(metric: Metric, label: str) -> Iterator[str]:
    name = PREFIX + metric.name
    yield f"# HELP {name} {metric.help}"
    yield f"# TYPE {name} gauge"
    for more, value in metric.values:
        yield f"{name}{{{label}{more}}} {float(value)!r}"


def _last_success(path: Path, report: Report) -> float | None:
    """Return when a run last ended well: as the state says, or else as the file said."""
    if report.outcome.since is not None:
        return (report.outcome.since - EPOCH).total_seconds()
    try:
        found = _SUCCESS.search(path.read_text())
        return None if found is None else float(found[1])
    except (OSError, ValueError):
        return None


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
