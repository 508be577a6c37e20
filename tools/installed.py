"""The built wheel in a virtual environment of its own, and the sdist's tests without the source."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".matrix"
PACKAGE = "flask_gluu_changes"
PATIENCE = 900.0  # seconds that a step may take, on a busy machine

NOTHING: Mapping[str, str] = {}

FROM_SITE_PACKAGES = f"""
import sys, {PACKAGE}
sys.exit(None if "site-packages" in {PACKAGE}.__file__ else {PACKAGE}.__file__)"""


class StepError(RuntimeError):
    """A step failed, or took too long; the message ends with its output."""


def run(command: Sequence[str | Path], folder: Path, settings: Mapping[str, str] = NOTHING) -> None:
    """Run a command to its end; StepError if it fails.

    Neither PYTHONPATH nor an active virtual environment gets through to it.
    """
    kept = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            env={**kept, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired as error:
        said = (error.stdout or b"").decode(errors="replace")
        raise StepError(f"{' '.join(words)} took more than {PATIENCE:g} s:\n{said}") from error
    if done.returncode:
        raise StepError(f"{' '.join(words)} failed:\n{done.stdout}")


@dataclass(frozen=True)
class Distribution:
    """A wheel and an sdist in one folder."""

    folder: Path

    @property
    def wheel(self) -> Path:
        """The wheel's file."""
        (wheel,) = self.folder.glob("*.whl")
        return wheel

    @property
    def sdist(self) -> Path:
        """The sdist's file."""
        (sdist,) = self.folder.glob("*.tar.gz")
        return sdist

    def unpack_tests(self, folder: Path) -> Path:
        """Unpack the sdist without the package, so that only the installed one can be imported."""
        shutil.rmtree(folder, ignore_errors=True)
        with tarfile.open(self.sdist) as archive:
            # Python 3.11.2 has no filters; what was built here is trusted without.
            archive.extraction_filter = getattr(tarfile, "data_filter", None)
            archive.extractall(folder)
        (top,) = folder.iterdir()
        shutil.rmtree(top / PACKAGE)
        return top


def build(folder: Path) -> Distribution:
    """Build the sdist, and the wheel from it."""
    shutil.rmtree(folder, ignore_errors=True)
    run([sys.executable, "-m", "build", "--outdir", folder], ROOT)
    return Distribution(folder)


class Environment:
    """A new virtual environment below `.matrix/`; uv makes and fills it within seconds."""

    def __init__(self, name: str, interpreter: str | Path = sys.executable) -> None:
        self.folder = CACHE / "environments" / name
        self._python = self.folder / "bin" / "python"
        self._uv("venv", "--quiet", "--clear", "--python", interpreter, self.folder)

    def install(self, *what: str | Path, lowest: bool = False) -> None:
        """Install requirements and what they need; lowest: direct ones in the lowest versions."""
        resolution = "lowest-direct" if lowest else "highest"
        options = ("--quiet", "--resolution", resolution)
        self._uv("pip", "install", "--python", self._python, *options, *what)

    def python(self, *arguments: str, folder: Path) -> None:
        """Run its Python in a folder."""
        run([self._python, *arguments], folder)

    def unit_tests(self, top: Path, *tests: str) -> None:
        """Run tests below `top`, against the installed package."""
        self.python("-c", FROM_SITE_PACKAGES, folder=top)
        pytest = ("-m", "pytest", "-q", "-n", "auto", "-p", "no:cacheprovider")
        self.python(*pytest, *tests, folder=top)

    def _uv(self, *arguments: str | Path) -> None:
        """Run uv with the index and certificates of pip, whose configuration it does not read."""
        names = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_CERT": "SSL_CERT_FILE"}
        settings = {new: os.environ[old] for old, new in names.items() if old in os.environ}
        settings |= {"UV_PYTHON_DOWNLOADS": "never", "UV_LINK_MODE": "copy"}
        run([sys.executable, "-m", "uv", *arguments], ROOT, settings)
