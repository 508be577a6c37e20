"""One Keycloak with its realm for all tests; applications that it protects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, TypeAlias

import pytest
from flask import Flask

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from tests.support.serving import Serving

from .keycloak import Keycloak
from .realm import API, API_SECRET, create_realm

QUERY = "timeStamp=2020-01-01T00:00:00Z&pagesize=10"
PATH = "/identity/restv1/scim/UpdatedUsers"
OPERATION = f"{PATH}?{QUERY}"
PUBLIC = "https://changes.example"
PEOPLE = [{"uid": ["ada"], "inum": ["1"], "updatedAt": ["20240101000000.000Z"]}]

Serve: TypeAlias = Callable[..., str]


@pytest.fixture(autouse=True)
def _push_request_context() -> None:
    """Switch off pytest-flask's: its `g` would carry a granted token to the next request."""


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    """A running Keycloak with the realm of the tests."""
    with Keycloak(tmp_path_factory.mktemp("keycloak")) as server:
        create_realm(server)
        yield server


@pytest.fixture
def serve(keycloak: Keycloak) -> Iterator[Serve]:
    """Start an application with the settings of a mode; gives the URL of the operation."""
    with ExitStack() as stack:

        def start(**settings: Any) -> str:
            app = Flask("interop")
            chosen = {"ISSUER": keycloak.issuer, "CLIENT_ID": API, "CLIENT_SECRET": API_SECRET}
            chosen |= {"RESOURCE": f"{PUBLIC}{PATH}", **settings}
            app.config.update({f"GLUU_CHANGES_{key}": value for key, value in chosen.items()})
            GluuChanges(app, backend=MemoryBackend(PEOPLE))
            stack.callback(app.extensions["gluu_changes"].protector.close)
            serving = stack.enter_context(Serving(app))
            return f"{serving.url}{OPERATION}"

        yield start


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave Java servers, which the first test of each waits for, the time that they take."""
    for item in items:
        item.add_marker(pytest.mark.timeout(900))
