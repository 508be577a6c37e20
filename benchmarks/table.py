"""The table: what was done, what it is measured against, and whether the target is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter

KEPT, MISSED, CANNOT_TELL = "yes", "**MISSED**", "cannot tell"


@dataclass(frozen=True)
class Effort:
    """How much is measured: people, rounds of each row, seconds of each rate, pairs of servers."""

    people: int = 100_000
    rounds: int = 7
    seconds: float = 1.0
    pairs: int = 4
    grows: bool = True

    @classmethod
    def quick(cls) -> Effort:
        """Return what takes less than two minutes in all."""
        return cls(2000, 5, 0.2, pairs=2, grows=False)


@dataclass(frozen=True)
class Row:
    """One job, measured in turns with a peer, so that a busy machine slows both.

    Attributes:
        job: What was done.
        turns: For each round the figure of the job, of its peer, and of what stands beside.
        against: The peer, by which the ratio is reckoned.
        unit: Of the figures.
        at_most: The highest ratio that keeps the target.
        at_least: The lowest.
        beside: What else was measured for comparison; the ratios to it have no target.
    """

    job: str
    turns: Sequence[tuple[float, ...]]
    against: str
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    beside: Sequence[str] = ()

    @property
    def spread(self) -> tuple[float, float, float]:
        """The lower quartile, the median and the upper quartile of the ratios."""
        return _quartiles([ours / peer for ours, peer, *_ in self.turns])

    @property
    def target(self) -> str:
        """The ratio that is wanted."""
        return f"≥ {self.at_least:g}" if self.at_most is None else f"≤ {self.at_most:g}"

    @property
    def verdict(self) -> str:
        """Whether the median keeps the target, if the quartiles do not lie on both sides of it."""
        low, middle, high = self.spread
        target = self.at_most if self.at_most is not None else self.at_least or 0.0
        if low < target < high:
            return CANNOT_TELL
        keeps = middle <= target if self.at_most is not None else middle >= target
        return KEPT if keeps else MISSED

    def __str__(self) -> str:
        ours, peer, *beside = (median(column) for column in zip(*self.turns, strict=True))
        figures = f"{ours:.4g} {self.unit} | {self.against} {peer:.4g} {self.unit}"
        for name, figure in zip(self.beside, beside, strict=True):
            figures += f"; {name} {figure:.4g} {self.unit}, {ours / figure:.2f} of it"
        low, middle, high = self.spread
        ratio = f"{middle:.2f} ({low:.2f} to {high:.2f})"
        return f"| {self.job} | {figures} | {ratio} | {self.target} | {self.verdict} |"


def _quartiles(ratios: Sequence[float]) -> tuple[float, float, float]:
    if len(ratios) == 1:
        return ratios[0], ratios[0], ratios[0]
    low, middle, high = quantiles(ratios, n=4, method="inclusive")
    return low, middle, high


HEADER = """\
| job | measured | against | ratio (quartiles) | target | kept |
|---|---|---|---|---|---|"""


def show(rows: Iterator[Row]) -> str:
    """Print rows as they come; return a sentence about their targets."""
    verdicts = []
    print(HEADER, flush=True)
    for row in rows:
        print(row, flush=True)
        verdicts.append(row.verdict)
    missed, unknown = verdicts.count(MISSED), verdicts.count(CANNOT_TELL)
    return f"{missed} of {len(verdicts)} rows miss their targets, of {unknown} nobody can tell."


def seconds(job: Callable[[], object]) -> float:
    """Time one run of a job."""
    started = perf_counter()
    job()
    return perf_counter() - started


def in_turns(rounds: int, *jobs: Callable[[], float]) -> list[tuple[float, ...]]:
    """Measure several jobs in turns, once unseen, then so many times."""
    for job in jobs:
        job()
    return [tuple(job() for job in jobs) for _ in range(rounds)]


def timed(job: Callable[[], object], scale: float = 1.0) -> Callable[[], float]:
    """Return what measures the time of a job; scale: 1000 for milliseconds."""
    return lambda: seconds(job) * scale


@contextmanager
def noted(what: str) -> Iterator[None]:
    """Say what is being prepared and how long that took."""
    started = perf_counter()
    yield
    print(f"({what}: {perf_counter() - started:.0f} s)", flush=True)
