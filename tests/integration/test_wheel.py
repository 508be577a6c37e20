"""What is installed: the package alone, typed, and without a compiler.

Not a unit test: pip builds in an environment of its own, with a setuptools from the registry.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import flask_gluu_changes
from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel that a release would upload, built from a copy: a build leaves things behind."""
    folder = tmp_path_factory.mktemp("wheel")
    leftovers = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")
    source = shutil.copytree(ROOT, folder / "source", ignore=leftovers)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "-w",
        str(folder),
        str(source),
    ]
    subprocess.run(command, check=True)
    (file,) = folder.glob("*.whl")
    return zipfile.ZipFile(file)


def test_the_wheel_holds_the_package_alone(wheel: zipfile.ZipFile) -> None:
    """The marker of typed packages is in, tests and the example are not."""
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"flask_gluu_changes"}
    assert "flask_gluu_changes/py.typed" in wheel.namelist()


def test_the_wheel_holds_every_module(wheel: zipfile.ZipFile) -> None:
    """Every module of the repository is in the wheel."""
    package = Path(flask_gluu_changes.__file__).parent
    modules = {str(file.relative_to(package.parent)) for file in package.rglob("*.py")}
    assert modules <= set(wheel.namelist())


def test_the_core_needs_no_compiler(wheel: zipfile.ZipFile) -> None:
    """python-ldap comes with an extra only, and no dependency has an upper bound."""
    (name,) = (name for name in wheel.namelist() if name.endswith("METADATA"))
    needs = message_from_bytes(wheel.read(name)).get_all("Requires-Dist") or []
    core = [need for need in needs if "extra ==" not in need]
    assert core
    assert not any("ldap" in need for need in core)
    assert not any("<" in need.partition(";")[0] for need in needs)
