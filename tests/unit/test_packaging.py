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
    code = "import sys, flask_gluu_changes; sys.exit('ldap' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
