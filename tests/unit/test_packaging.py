"""The version has its changes, and importing the package imports no backend."""

from __future__ import annotations

import re
import subprocess
import sys
from configparser import ConfigParser

from tests.support.paths import ROOT


def test_the_version_has_its_changes() -> None:
    """The version in setup.cfg is the newest entry of CHANGES.md."""
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    (newest, *_) = re.findall(r"^## (\S+)", (ROOT / "CHANGES.md").read_text(), re.M)
    assert newest == setup["metadata"]["version"]


def test_importing_the_package_imports_no_backend() -> None:
    """`ldap` is loaded by the LDAP backend and by nothing else."""
    assert _runs("from flask_gluu_changes import *; import sys; sys.exit('ldap' in sys.modules)")


def test_flask_is_imported_when_it_is_needed() -> None:
    """Clients import the package, too, and their commands start at once."""
    code = "import sys, flask_gluu_changes.client; sys.exit('flask' in sys.modules)"
    assert _runs(code)


def test_every_name_of_the_package_can_be_imported() -> None:
    """Each is looked up in its module when it is asked for; others are not there."""
    code = (
        "import flask_gluu_changes as package\n"
        "assert set(package.__all__) <= set(dir(package))\n"
        "for name in package.__all__: assert getattr(package, name, None)\n"
        "assert not hasattr(package, 'Frontend')"
    )
    assert _runs(code)


def _runs(code: str) -> bool:
    return subprocess.run([sys.executable, "-c", code]).returncode == 0
