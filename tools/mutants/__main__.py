"""Mutation testing: change the code in small ways, and see whether tests fail.

mutmut makes the mutants. Its own runner takes whole test suites; here each mutant meets only the
unit tests of its module, in a process forked when all but the package is imported.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
from collections import Counter
from typing import NamedTuple

from .configuration import Configuration, Module, load
from .farm import Farm, Verdict
from .generation import Mutant, mutants_of

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
    """Print the table; return 1 when a module is not well tested, 2 when its tests fail."""
    options = _options()
    sys.dont_write_bytecode = False  # every process imports the package
    configuration = load()
    modules = [m for m in configuration.modules if options.only in m.path]
    print(f"seed {options.seed}; at most {options.sample or 'all'} mutants of a module", flush=True)
    rows, unexplained = [], list[Mutant]()
    for module in modules:
        farm = Farm(module, options.jobs)
        try:
            failed = farm.warm_up()
            if failed:
                print(f"{module.path}: the tests fail without any change: {failed}")
                return 2
            row, open_ones = _examine(farm, configuration, options)
        finally:
            shutil.rmtree(farm.folder, ignore_errors=True)
        rows.append(row)
        unexplained += open_ones
    return _print_table(rows, unexplained)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="a part of the modules' paths")
    parser.add_argument("--sample", type=int, default=0, help="mutants of a module; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    return parser.parse_args()


def _examine(
    farm: Farm, configuration: Configuration, options: argparse.Namespace
) -> tuple[Row, list[Mutant]]:
    module = farm.module
    mutants = mutants_of(module.path)
    chosen = _sample(mutants, module, options)
    verdicts = [*farm.run(chosen)]
    counts = Counter(verdict.outcome for verdict in verdicts)
    survivors = [verdict for verdict in verdicts if verdict.outcome == "survived"]
    unexplained = [v.mutant for v in survivors if v.mutant.identity not in configuration.equivalent]
    row = Row(
        module.path,
        len(mutants),
        len(chosen),
        counts["killed"],
        counts["timeout"],
        counts["survived"],
        counts["survived"] - len(unexplained),
    )
    print(_line(row), flush=True)
    _print_survivors(survivors, configuration)
    return row, unexplained


def _sample(mutants: list[Mutant], module: Module, options: argparse.Namespace) -> list[Mutant]:
    if not options.sample or options.sample >= len(mutants):
        return mutants
    return random.Random(f"{options.seed} {module.path}").sample(mutants, options.sample)


def _print_survivors(survivors: list[Verdict], configuration: Configuration) -> None:
    for verdict in survivors:
        identity = verdict.mutant.identity
        reason = configuration.equivalent.get(identity, "NOT EXPLAINED")
        print(f"    {identity.function}: {reason}")
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
