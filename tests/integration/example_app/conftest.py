"""A host with people of its own."""

from __future__ import annotations

import pytest
from flask import Flask

from example_app import create_app
from tests.support.programs import people_file as people_file


@pytest.fixture
def host() -> Flask:
    """The application without any setting but the consent of the loopback."""
    return create_app(GLUU_CHANGES_ALLOW_BYPASS=True)
