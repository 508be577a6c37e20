"""python -m benchmarks [people]: print the table; 100,000 people unless told otherwise.

The journal is measured a second time with ten times as many.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import chain
from pathlib import Path

from . import direct_ldap, journal, protection, sql
from .table import show


def main() -> None:
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="gluu-changes-bench-") as folder:
        parts = (
            direct_ldap.rows(people, Path(folder)),
            sql.rows(people),
            protection.rows(),
            journal.rows(people, Path(folder) / "journal", with_job=True),
            journal.rows(10 * people, Path(folder) / "large journal"),
        )
        missed = show(chain.from_iterable(parts))
    print(f"\n{missed} rows miss their targets." if missed else "\nEvery row keeps its target.")


if __name__ == "__main__":
    main()
