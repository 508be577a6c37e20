"""The table: what was done, what it is measured against, and whether the target is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True)
class Row:
    """One job: two figures in the same unit, their ratio, and where the ratio should lie."""

    job: str
    measured: float
    against: str
    peer: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def ratio(self) -> float:
        return self.measured / self.peer

    @property
    def target(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return f"≥ {self.at_least:g}"

    @property
    def kept(self) -> bool:
        return self.ratio <= (self.at_most or self.ratio) and self.ratio >= (self.at_least or 0)

    def __str__(self) -> str:
        figures = f"{self.measured:.4g} {self.unit} | {self.against} {self.peer:.4g} {self.unit}"
        verdict = "yes" if self.kept else "**MISSED**"
        return f"| {self.job} | {figures} | {self.ratio:.2f} | {self.target} | {verdict} |"


HEADER = """\
| job | measured | against | ratio | target | kept |
|---|---|---|---|---|---|"""


def show(rows: Iterator[Row]) -> int:
    """Print rows as they come; give the number of those that miss their target."""
    missed = 0
    print(HEADER, flush=True)
    for row in rows:
        print(row, flush=True)
        missed += not row.kept
    return missed


def seconds(job: Callable[[], object]) -> float:
    """Time one run of a job."""
    started = perf_counter()
    job()
    return perf_counter() - started


def compare(
    job: Callable[[], object], peer: Callable[[], object], rounds: int
) -> tuple[float, ...]:
    """Time both in turns, so that a busy machine slows both; give the medians."""
    pairs = [(seconds(job), seconds(peer)) for _ in range(rounds)]
    return tuple(median(column) for column in zip(*pairs, strict=True))


@contextmanager
def noted(what: str) -> Iterator[None]:
    """Say what is being prepared and how long that took."""
    started = perf_counter()
    yield
    print(f"({what}: {perf_counter() - started:.0f} s)", flush=True)
