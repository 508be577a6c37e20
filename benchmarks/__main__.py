"""python -m benchmarks [people] [--quick]: print the table; 100,000 people unless told otherwise.

The journal is measured a second time with ten times as many, unless it is to be quick.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from . import direct_ldap, journal, protection, sql
from .machine import head
from .table import Effort, Row, show


def main() -> None:
    """Print the table with its head, and how many rows miss their targets."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("people", nargs="?", type=int)
    parser.add_argument("--quick", action="store_true", help="in less than two minutes")
    given = parser.parse_args()
    effort = Effort.quick() if given.quick else Effort()
    effort = replace(effort, people=given.people or effort.people)
    print(f"{head(effort.people)}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="gluu-changes-bench-") as folder:
        print(f"\n{show(_rows(effort, Path(folder)))}")


def _rows(effort: Effort, folder: Path) -> Iterator[Row]:
    yield from direct_ldap.rows(effort, folder)
    yield from sql.rows(effort)
    yield from protection.rows(effort)
    yield from journal.rows(effort, folder / "journal", with_job=True)
    if effort.grows:
        many = replace(effort, people=10 * effort.people, rounds=3)
        yield from journal.rows(many, folder / "large journal")


if __name__ == "__main__":
    main()
