"""Name an interpreter to measure with: `python -m tools.optimised`.

One that is built without profiles (PGO) takes up to 1.65 times as long for the same code. The first
one on the PATH that is built with them, and that the project supports, is named; else the one that
runs this.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

NAME = re.compile(r"python3(\.\d+)?")
OLDEST = (3, 11)
THIS = "--this"


def is_optimised() -> bool:
    """Return whether this interpreter is built with profiles, as distributions build theirs.

    Debian's does not tell: it is known by where it is.
    """
    arguments = sysconfig.get_config_var("CONFIG_ARGS") or ""
    return "--enable-optimizations" in arguments or sys.base_prefix == "/usr"


def main() -> None:
    """Print the path of an interpreter; with `--this`, exit with 0 if it is this one."""
    if THIS in sys.argv:
        sys.exit(not (is_optimised() and sys.version_info >= OLDEST))
    print(next(filter(_is_one, _candidates()), sys.executable))


def _candidates() -> Iterator[str]:
    yield sys.executable
    for folder in map(Path, os.environ.get("PATH", "").split(os.pathsep)):
        found = folder.iterdir() if folder.is_dir() else ()
        yield from sorted(str(path) for path in found if NAME.fullmatch(path.name))


def _is_one(interpreter: str) -> bool:
    done = subprocess.run([interpreter, __file__, THIS], capture_output=True, check=False)
    return done.returncode == 0


if __name__ == "__main__":
    main()
