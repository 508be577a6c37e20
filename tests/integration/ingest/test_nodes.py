"""A journal in PostgreSQL, for several web nodes and for followers that take over."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from flask_gluu_changes.journal.tables import METADATA
from tests.support.consumers import Consumer
from tests.support.endurance import everybody
from tests.support.nodes import Node
from tests.support.postgres import Postgres
from tests.support.torture import Torture, writing

pytestmark = pytest.mark.timeout(600)  # it waits with a patience of its own

SECONDS = 1.0


def test_two_nodes_and_a_takeover_lose_nothing(tmp_path: Path, postgres: Postgres) -> None:
    """One client stays with its node, one changes it with each request: both hold everybody."""
    torture = Torture(tmp_path, people=500, journal=postgres.url)
    environment = torture.environment()
    with (
        Node(environment) as one,
        Node(environment) as two,
        Consumer(one.port) as steady,
        Consumer(one.port, two.port, count=7) as changing,
    ):
        with writing(torture.server.uri, "1"), ExitStack() as second:
            _take_over(torture, second)
            torture.advance(until=time.monotonic() + SECONDS)
        with torture.following():
            torture.await_rest()
        assert steady.people() == changing.people() == everybody(torture)
        assert torture.wrongly_deleted() == set()
    METADATA.drop_all(torture.journal.engine)
    torture.end()


def _take_over(torture: Torture, second: ExitStack) -> None:
    """Kill the follower that holds the lease while another one waits for it."""
    with torture.following():
        torture.advance(until=time.monotonic() + SECONDS)
        second.enter_context(torture.following())
        torture.advance(until=time.monotonic() + SECONDS)
        holder = torture.journal.state().holder
    torture.advance(until=time.monotonic() + SECONDS)
    assert torture.journal.state().holder not in {"", holder}
