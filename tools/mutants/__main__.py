"""Mutation testing: change the code in small ways, and see whether tests fail.

mutmut makes the mutants. Its own runner starts each from the beginning, and knows no samples; here
each mutant meets the unit tests of its module in a process forked when they have been collected.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from .configuration import Configuration, Module, load
from .generation import Mutant, mutants_of
from .trial import try_all

LEAST = 90.0
"""Per cent of the mutants that must be killed."""


class Row(NamedTuple):
    """A line of the table."""

    module: str
    mutants: int
    sampled: int
    killed: int
    timeout: int
    survived: int
    equivalent: int

    @property
    def score(self) -> float:
        """Per cent killed of all that were tried, equivalent ones included."""
        return 100.0 * (self.killed + self.timeout) / max(1, self.sampled)


def main() -> int:
    """Print the table; return 1 when a module is not well tested, or a survivor not explained."""
    options = _options()
    sys.dont_write_bytecode = False  # every process imports the package
    configuration = load()
    modules = [m for m in configuration.modules if options.only in m.path]
    print(f"seed {options.seed}; at most {options.sample or 'all'} mutants of a module", flush=True)
    rows, unexplained = list[Row](), list[Mutant]()
    for module in modules:
        row, survivors = _examine(module, configuration, options)
        rows.append(row)
        unexplained += survivors
    return _print_table(rows, unexplained)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="a part of the modules' paths")
    parser.add_argument("--sample", type=int, default=0, help="mutants of a module; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    return parser.parse_args()


def _examine(
    module: Module, configuration: Configuration, options: argparse.Namespace
) -> tuple[Row, list[Mutant]]:
    """Try the mutants of a module; return its row, and the survivors that are not explained."""
    mutants = mutants_of(module.path)
    chosen = _sample(mutants, module, options)
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as folder:
        verdicts = try_all(module, chosen, options.jobs, Path(folder))
    counts = Counter(verdict.outcome for verdict in verdicts)
    alive = [chosen[v.number] for v in verdicts if v.outcome not in ("killed", "timeout")]
    unexplained = [each for each in alive if each.identity not in configuration.equivalent]
    tried = (len(mutants), len(chosen), counts["killed"], counts["timeout"], len(alive))
    row = Row(module.path, *tried, len(alive) - len(unexplained))
    print(_line(row), flush=True)
    _print_survivors(alive, configuration)
    if len(chosen) == len(mutants):
        _print_outdated(module, alive, configuration)
    return row, unexplained


def _sample(mutants: list[Mutant], module: Module, options: argparse.Namespace) -> list[Mutant]:
    if not options.sample or options.sample >= len(mutants):
        return mutants
    chosen_by = random.Random(f"{options.seed} {module.path}")  # noqa: S311 - no secret
    return chosen_by.sample(mutants, options.sample)


def _print_survivors(survivors: list[Mutant], configuration: Configuration) -> None:
    for identity in (mutant.identity for mutant in survivors):
        reason = configuration.equivalent.get(identity, "NOT EXPLAINED")
        print(f"    {identity.function}: {reason}")
        print(f"      - {identity.before}\n      + {identity.after}", flush=True)


def _print_outdated(module: Module, alive: list[Mutant], configuration: Configuration) -> None:
    accepted = {each for each in configuration.equivalent if each.module == module.path}
    for identity in accepted.difference(mutant.identity for mutant in alive):
        print(f"    {identity.function}: ACCEPTED, BUT IT DID NOT SURVIVE")
        print(f"      - {identity.before}\n      + {identity.after}", flush=True)


def _print_table(rows: list[Row], unexplained: list[Mutant]) -> int:
    print()
    print(_line(None))
    for row in rows:
        print(_line(row))
    low = [row.module for row in rows if row.score < LEAST]
    if low:
        print(f"below {LEAST:.0f} %: {', '.join(low)}")
    if unexplained:
        print(f"{len(unexplained)} survivors are not explained in tests/mutants.toml")
    return 1 if low or unexplained else 0


def _line(row: Row | None) -> str:
    form = "{:<44}{:>8}{:>8}{:>8}{:>8}{:>9}{:>11}{:>8}"
    if row is None:
        return form.format(*(name.replace("_", " ") for name in Row._fields), "score")
    return form.format(*row, f"{row.score:.1f}")


if __name__ == "__main__":
    sys.exit(main())
