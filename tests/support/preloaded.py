"""An application that has answered before its workers are forked, for gunicorn's --preload."""

from __future__ import annotations

from flask import Flask

from benchmarks.app import create_app as make_app
from tests.support.apps import OPERATION


def create_app() -> Flask:
    """Make the application, and fill its pools and caches."""
    app = make_app()
    assert app.test_client().get(f"{OPERATION}?{app.config['FIRST_QUERY']}").status_code == 200
    return app
