"""What metrics and audit cost: the same journal served twice, with both off and with both on.

Both servers are asked in turns. The records go to a file, a line of JSON each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import NamedTuple

from .serving import gunicorn, rate
from .table import Row

APPLICATION = "benchmarks.app:create_app()"
ROUNDS = 5
SECONDS = 1.0


class Asked(NamedTuple):
    """What is asked for, and which share of the requests must be left with both on."""

    name: str
    path: str
    at_least: float


def rows(environment: Mapping[str, str], folder: Path, *asked: Asked) -> Iterator[Row]:
    """Measure what is asked for with both off and with both on."""
    counted = folder / "metrics"
    counted.mkdir()
    off = {**environment, "FLASK_GLUU_CHANGES_AUDIT": "false"}
    on = {
        **environment,
        "FLASK_GLUU_CHANGES_METRICS": "true",
        "BENCHMARK_AUDIT_FILE": str(folder / "audit.log"),
        "PROMETHEUS_MULTIPROC_DIR": str(counted),
    }
    with ExitStack() as opened:
        plain, seen = (opened.enter_context(gunicorn(APPLICATION, each)) for each in (off, on))
        for name, path, at_least in asked:
            pairs = [(rate(seen, path, SECONDS), rate(plain, path, SECONDS)) for _ in range(ROUNDS)]
            ours, peer = (median(column) for column in zip(*pairs, strict=True))
            yield Row(name, ours, "both off", peer, "requests/s", at_least=at_least)
