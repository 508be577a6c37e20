"""A journal on a PostgreSQL that fails over, by seeds: SEED="17 42" gives them.

Nodes read from the primary, from a replica, and from a replica that lags by five seconds; consumers
ask them in turn, and take no version that is lower than the one they have.
"""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.consumers import Consumer
from tests.support.failovers import Cluster
from tests.support.filling import SLAPD
from tests.support.nodes import Node
from tests.support.postgresql_replica import pause
from tests.support.torture import Torture
from tests.support.troubles import Site

pytestmark = pytest.mark.timeout(900)  # a minute of trouble, and the rest of it

SEEDS = os.environ.get("SEED", "").split() or [str(secrets.randbelow(10**6))]
SECONDS = float(os.environ.get("SECONDS", "60"))
LAG, PEOPLE = 5.0, 1000
LONGEST_CALM, BEHIND_IS_KILLED = 5.0, 0.2


@pytest.mark.parametrize("follow_dies", [False, True], ids=["follow-lives", "follow-dies"])
@pytest.mark.parametrize("seed", SEEDS)
def test_no_failover_loses_anything(seed: str, follow_dies: bool, tmp_path: Path) -> None:
    """Whatever a consumer was told, it ends with what the directory has.

    While `follow` lives, no failover begins an epoch: only who knows a lost commit reads anew.
    """
    chance = random.Random(f"cluster {seed} {follow_dies}")
    with Cluster(LAG) as cluster:
        site = Site(PEOPLE, SLAPD, silent=False)
        torture = Torture(tmp_path, site, seed=seed, journal=cluster.url)
        try:
            with _nodes(torture, cluster) as nodes, _consumers(tmp_path, nodes) as consumers:
                with torture.writing():
                    torture.follow()
                    torture.advance()
                    epoch = torture.state().epoch
                    failovers = _trouble(chance, cluster, torture, follow_dies=follow_dies)
                torture.await_confirmation(nodes[0])
                cluster.catch_up()
                for consumer in consumers:
                    torture.compare(consumer)
                    if not follow_dies:
                        # one that a failover broke off is begun again
                        assert consumer.replica().deeds()["full readings"] <= 1 + 2 * failovers
                assert follow_dies or torture.state().epoch == epoch
        finally:
            torture.end()


def _trouble(
    chance: random.Random, cluster: Cluster, torture: Torture, *, follow_dies: bool
) -> int:
    """Let things happen until the time is over; return how many failovers there were."""
    failovers, until = 0, time.monotonic() + SECONDS
    while time.monotonic() < until:
        pause(chance.uniform(0, LONGEST_CALM))
        if chance.random() < BEHIND_IS_KILLED:
            print(cluster.restart_behind())
            continue
        if follow_dies:
            torture.stop_following()
        print(cluster.fail_over(chance))
        failovers += 1
        if follow_dies:
            torture.follow()
    return failovers


@contextmanager
def _nodes(torture: Torture, cluster: Cluster) -> Iterator[list[Node]]:
    """Serve from the primary, from the replica, and from the one that lags."""
    own = torture.environment() | {"FLASK_GLUU_CHANGES_JOURNAL_CONNECT_TIMEOUT": "1"}
    read_url = "FLASK_GLUU_CHANGES_JOURNAL_READ_URL"
    settings = [own, own | {read_url: cluster.near_url}, own | {read_url: cluster.behind.url}]
    with ExitStack() as stack:
        yield [stack.enter_context(Node(environment)) for environment in settings]


@contextmanager
def _consumers(folder: Path, nodes: list[Node]) -> Iterator[list[Consumer]]:
    """Ask all nodes in turn, and the one that lags and the primary in turn."""
    one, two, three = (node.port for node in nodes)
    with (
        Consumer(folder / "1", one, two, three, page_size=20) as everywhere,
        Consumer(folder / "2", three, one) as far,
    ):
        yield [everywhere, far]
