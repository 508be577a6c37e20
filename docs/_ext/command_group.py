"""The commands of an application with people in memory, for sphinx-click to walk."""

from __future__ import annotations

from flask import Flask

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend

_app = Flask(__name__)
_app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
GluuChanges(_app, backend=MemoryBackend())
group = _app.cli.commands["gluu-changes"]
