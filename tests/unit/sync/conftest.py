"""A server that tells changes by times alone, and a replica of it."""

from __future__ import annotations

import pytest

from tests.support.gluu_server import GluuServer
from tests.support.time_replica import TimeReplica


@pytest.fixture(params=[False, True], ids=["as a directory", "as a database"])
def server(request: pytest.FixtureRequest) -> GluuServer:
    """A server of each kind of order."""
    server = GluuServer()
    server.sorts_all = request.param
    return server


@pytest.fixture
def replica(server: GluuServer) -> TimeReplica:
    """A replica that asks with the smallest pages."""
    return TimeReplica(server, count=2)
