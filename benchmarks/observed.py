"""What metrics and audit cost: the same journal served twice, with both off and with both on.

Both servers are asked in turns. Servers of the same settings differ by up to 7 %, so several pairs
are started. The records go to a file by `GLUU_CHANGES_AUDIT_LOG`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from .serving import gunicorn, rate
from .table import Effort, Row, in_turns

APPLICATION = "benchmarks.app:create_app()"


class Asked(NamedTuple):
    """What is asked for, and which share of the requests must be left with both on."""

    name: str
    path: str
    at_least: float


def rows(
    environment: Mapping[str, str], folder: Path, effort: Effort, *asked: Asked
) -> Iterator[Row]:
    """Measure what is asked for with both on, and with both off."""
    measured = [
        _pair(environment, folder / f"pair {n}", effort, asked) for n in range(effort.pairs)
    ]
    for (name, _, at_least), turns in zip(asked, zip(*measured, strict=True), strict=True):
        job = f"{name}, metrics and audit on"
        yield Row(job, [*chain(*turns)], "both off", "requests/s", at_least=at_least)


def _pair(
    environment: Mapping[str, str], folder: Path, effort: Effort, asked: Sequence[Asked]
) -> list[list[tuple[float, ...]]]:
    """Start two servers, and give the turns of each path."""
    folder.mkdir()
    off = {**environment, "FLASK_GLUU_CHANGES_AUDIT": "false"}
    on = {
        **environment,
        "FLASK_GLUU_CHANGES_METRICS": "true",
        "FLASK_GLUU_CHANGES_AUDIT_LOG": str(folder / "audit.log"),
        "PROMETHEUS_MULTIPROC_DIR": str(folder),
    }
    with ExitStack() as opened:
        ports = [opened.enter_context(gunicorn(APPLICATION, each)) for each in (on, off)]
        measures = (
            [partial(rate, port, each.path, effort.seconds) for port in ports] for each in asked
        )
        return [in_turns(effort.rounds, *both) for both in measures]
