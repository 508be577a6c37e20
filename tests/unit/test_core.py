"""The core works without SQLAlchemy, which comes with the extra `journal`."""

from __future__ import annotations

import subprocess
import sys


def test_the_operation_works_without_sqlalchemy() -> None:
    """The backend names what is missing; nothing else needs it, the client included."""
    program = (
        "import sys\n"
        "sys.modules.update(sqlalchemy=None)\n"
        "import flask_gluu_changes, flask_gluu_changes.client\n"
        "try: import flask_gluu_changes.journal.backend\n"
        "except ImportError as error: print(error.name)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "sqlalchemy", "")
