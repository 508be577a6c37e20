"""Name an interpreter to measure with: `python -m tools.optimised`.

Distributions build theirs with profiles (PGO); one that is built without them takes up to 1.65
times as long for the same code. The first optimised one on the PATH that the project supports is
named, else the one that runs this.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

NAME = re.compile(r"python3(\.\d+)?")
QUESTION = (
    "import sys, sysconfig; sys.exit(sys.version_info < (3, 11) or"
    " '--enable-optimizations' not in (sysconfig.get_config_var('CONFIG_ARGS') or ''))"
)


def main() -> None:
    """Print the path of the interpreter."""
    print(next(filter(_is_optimised, _candidates()), sys.executable))


def _candidates() -> Iterator[str]:
    yield sys.executable
    for folder in map(Path, os.environ.get("PATH", "").split(os.pathsep)):
        found = folder.iterdir() if folder.is_dir() else ()
        yield from sorted(str(path) for path in found if NAME.fullmatch(path.name))


def _is_optimised(interpreter: str) -> bool:
    done = subprocess.run([interpreter, "-c", QUESTION], capture_output=True, check=False)
    return done.returncode == 0


if __name__ == "__main__":
    main()
