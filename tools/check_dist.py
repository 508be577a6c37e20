"""python -m tools.check_dist: examine what `python -m build` made, and test the wheel installed."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator

from .installed import CACHE, PACKAGE, ROOT, Distribution, Environment, StepError

# what the sdist holds: enough to run all of the tests, and to build the documentation
FOLDERS = (PACKAGE, "tests", "example_app", "benchmarks", "interop", "tools", "docs")


def main() -> int:
    """Print what is wrong, or that nothing is."""
    dist = Distribution(ROOT / "dist")
    wrong = [*_in_the_wheel(dist), *_in_the_sdist(dist)]
    for complaint in wrong:
        print(complaint, file=sys.stderr)
    if wrong:
        return 1
    try:
        _test(dist)
    except StepError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{dist.wheel.name} and {dist.sdist.name} are complete; the installed wheel passes.")
    return 0


def _tracked() -> list[str]:
    command = ["git", "ls-files", *FOLDERS, "Makefile", "README.md", "LICENSE"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.split()


def _in_the_wheel(dist: Distribution) -> Iterator[str]:
    names = {name for name in zipfile.ZipFile(dist.wheel).namelist() if ".dist-info/" not in name}
    wanted = {name for name in _tracked() if name.startswith(f"{PACKAGE}/")}
    yield from (f"{name} is not in the wheel" for name in sorted(wanted - names))
    yield from (f"{name} should not be in the wheel" for name in sorted(names - wanted))


def _in_the_sdist(dist: Distribution) -> Iterator[str]:
    with tarfile.open(dist.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    yield from (f"{name} is not in the sdist" for name in _tracked() if name not in names)


def _test(dist: Distribution) -> None:
    environment = Environment("dist")
    environment.install(dist.wheel, "--group", "pyproject.toml:unit")
    environment.unit_tests(dist.unpack_tests(CACHE / "dist-tests"), "tests/unit")


if __name__ == "__main__":
    sys.exit(main())
