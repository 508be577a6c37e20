"""The Pythons of this machine: on the PATH, Debian's own, and pyenv's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MINORS = ("3.11", "3.12", "3.13", "3.14")
VERSION = "import platform; print(platform.python_version())"
PATIENCE = 20.0  # seconds that an interpreter may take to say its version


@dataclass(frozen=True)
class Python:
    """An interpreter and its version; path: None when there is none of that version."""

    version: str
    path: Path | None = None


def found(minor: str) -> list[Python]:
    """Return the interpreters of "3.x" that work, one of each version, the oldest first.

    A shim of pyenv's can be on the PATH for a version that is not chosen: it only prints an error.
    """
    versions: dict[str, Path] = {}
    for path in _candidates(minor):
        version = _version(path)
        if version.startswith(f"{minor}."):
            versions.setdefault(version, path)
    oldest_first = sorted(versions, key=lambda version: (len(version), version))
    return [Python(version, versions[version]) for version in oldest_first]


def _candidates(minor: str) -> Iterator[Path]:
    folders = [Path(folder) for folder in os.get_exec_path()]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders += [Path("/usr/bin"), *sorted(pyenv.glob(f"versions/{minor}.*/bin"))]
    for folder in folders:
        yield from (
            path for name in (f"python{minor}", "python3") if (path := folder / name).exists()
        )


def _version(path: Path) -> str:
    """Ask an interpreter; "" when it does not work."""
    try:
        done = subprocess.run(
            [path, "-c", VERSION], capture_output=True, text=True, timeout=PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
