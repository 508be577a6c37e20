"""What metrics and audit cost: the same journal served twice, with both off and with both on.

Both servers are asked in turns. The records go to a file by `GLUU_CHANGES_AUDIT_LOG`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
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
    counted = folder / "metrics"
    counted.mkdir()
    off = {**environment, "FLASK_GLUU_CHANGES_AUDIT": "false"}
    on = {
        **environment,
        "FLASK_GLUU_CHANGES_METRICS": "true",
        "FLASK_GLUU_CHANGES_AUDIT_LOG": str(folder / "audit.log"),
        "PROMETHEUS_MULTIPROC_DIR": str(counted),
    }
    with ExitStack() as opened:
        ports = [opened.enter_context(gunicorn(APPLICATION, each)) for each in (on, off)]
        for name, path, at_least in asked:
            measures = (partial(rate, port, path, effort.seconds) for port in ports)
            turns = in_turns(effort.rounds, *measures)
            job = f"{name}, metrics and audit on"
            yield Row(job, turns, "both off", "requests/s", at_least=at_least)
