"""A journal in PostgreSQL, for several web nodes and for followers that take over."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.consumers import Consumer
from tests.support.filling import SLAPD
from tests.support.nodes import Node
from tests.support.postgres import Postgres
from tests.support.torture import Torture
from tests.support.troubles import Site

pytestmark = pytest.mark.timeout(600)  # it waits with a patience of its own

SECONDS = 1.0


def test_two_nodes_and_a_takeover_lose_nothing(tmp_path: Path, postgres: Postgres) -> None:
    """One client stays with its node, one changes it with each request: both hold everybody."""
    torture = Torture(tmp_path, Site(500, SLAPD, silent=False), journal=postgres.url)
    environment = torture.environment()
    try:
        with (
            Node(environment) as one,
            Node(environment) as two,
            Consumer(tmp_path / "steady", one.port) as steady,
            Consumer(tmp_path / "changing", one.port, two.port, page_size=7) as changing,
        ):
            with torture.writing():
                _take_over(torture)
            torture.await_confirmation(one)
            for consumer in (steady, changing):
                torture.compare(consumer)
    finally:
        torture.end()


def _take_over(torture: Torture) -> None:
    """Kill the follower that holds the lease while another one waits for it."""
    torture.follow()
    torture.advance(until=time.monotonic() + SECONDS)
    torture.follow()
    torture.advance(until=time.monotonic() + SECONDS)
    holder = torture.journal.state().holder
    torture.stop_following(among=holder)
    torture.advance(until=time.monotonic() + SECONDS)
    assert torture.journal.state().holder not in {"", holder}
