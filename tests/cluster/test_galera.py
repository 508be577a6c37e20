"""A MariaDB Galera Cluster in trouble, by seeds: SEED="17 42" gives them.

Followers write at two nodes, a web server reads at each, and consumers ask the web servers in turn,
or by a proxy. What befalls the nodes comes at random moments. In the end all nodes hold the same,
and what the consumers keep is what a search of the directory finds.
"""

from __future__ import annotations

import os
import random
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select

from flask_gluu_changes.journal.tables import METADATA
from flask_gluu_changes.journal.writer import Writer
from tests.support.consumers import Consumer
from tests.support.filling import SLAPD
from tests.support.galera import Galera, GaleraNode
from tests.support.nginx import Nginx
from tests.support.nodes import Node
from tests.support.paths import ROOT
from tests.support.processes import HOST, free_port, standing_still
from tests.support.torture import PATIENCE, Torture
from tests.support.troubles import Site

pytestmark = pytest.mark.timeout(900)

SEEDS = os.environ.get("SEED", "").split() or [str(secrets.randbelow(10**6))]
TROUBLES = 10
LEASE = 3.0
"""Seconds; on a busy machine two followers would take a shorter one from each other for ever."""

PAUSE = threading.Event()  # is never set: what other processes do cannot be awaited


class Trial:
    """One run: everything that works on a cluster, and what befalls it."""

    def __init__(self, folder: Path, cluster: Galera, seed: str) -> None:
        self._cluster = cluster
        self._seed = seed
        self._chance = random.Random(f"galera {seed}")
        site = Site(1000, SLAPD, silent=False)
        self.torture = Torture(folder, site, seed=seed, journal=cluster.urls[0], lease=LEASE)
        self._troubles: dict[str, Callable[[GaleraNode], None]] = {
            "killed": self._kill,
            "killed, and sent everything": self._kill_and_forget,
            "stopped": self._stop,
            "cut off": self._cut_off,
            "standing still": self._stand_still,
            "lagging": self._lag,
            "followers frozen": self._freeze_follower,
            "followers killed": self._kill_follower,
        }

    @contextmanager
    def running(self, *, keeps_higher: bool = False) -> Iterator[tuple[Consumer, Consumer]]:
        """Serve and follow; the block begins when the consumers have read everybody."""
        folder, urls = self.torture.journal.folder, self._cluster.urls
        with ExitStack() as stack:
            stack.callback(self.torture.end)
            for url in urls[1:]:
                self.torture.follow(url)
            self.torture.advance()
            nodes = [Node(self.torture.environment(url)) for url in urls]
            ports = [stack.enter_context(node).port for node in nodes]
            proxy = stack.enter_context(Nginx(_server_block(ports)))
            by_proxy = Consumer(
                folder / "by proxy",
                proxy.port,
                seed=f"{self._seed} by proxy",
                keeps_higher=keeps_higher,
            )
            in_turn = Consumer(folder / "in turn", *ports, page_size=50, keeps_higher=keeps_higher)
            for consumer in (by_proxy, in_turn):
                stack.enter_context(consumer)
            self._await_token(folder / "in turn" / "token")
            with self.torture.writing():
                yield by_proxy, in_turn
            self.torture.await_confirmation(nodes[self._chance.randrange(3)])
            for consumer in (by_proxy, in_turn):
                self._await_answers(consumer)
                self.torture.compare(consumer)
            self._compare_nodes()

    def endure(self) -> None:
        """Let troubles come, each kind at least once."""
        kinds = [*self._troubles]
        kinds += self._chance.choices(kinds, k=max(0, TROUBLES - len(kinds)))
        self._chance.shuffle(kinds)
        for kind in kinds:
            number = self._chance.randrange(3)
            print(f"seed {self._seed}: node {number}: {kind}")
            self._rest()
            self._troubles[kind](self._cluster.nodes[number])
            self._await_nodes()
            self.torture.advance()

    def die(self) -> None:
        """Kill all nodes right behind a commit, which none of them has written to its disk yet."""
        self._rest()
        self.torture.advance()
        self._cluster.stop()
        self._cluster.start_again()
        self.torture.advance()

    def begin_epoch(self) -> None:
        """Void every token, as `flask gluu-changes new-epoch` does."""
        self.torture.stop_following()
        writer = Writer(self.torture.journal.engine)
        assert writer.acquire(by_force=True)
        writer.begin_epoch()
        writer.release()
        self.torture.follow()
        self.torture.advance()

    def _await_nodes(self) -> None:
        """Wait until the nodes have agreed on who is left, and all of them are."""
        for node in self._cluster.nodes:
            node.await_status("wsrep_cluster_size", "3")
            node.await_status("wsrep_local_state_comment", "Synced")

    def _rest(self, least: float = 0.0, most: float = 1.5) -> None:
        PAUSE.wait(self._chance.uniform(least, most))

    def _kill(self, node: GaleraNode) -> None:
        node.kill()
        self._rest(0.0, 5.0)
        node.start()

    def _kill_and_forget(self, node: GaleraNode) -> None:
        node.kill()
        node.forget_place()
        self._rest(0.0, 5.0)
        node.start()

    def _stop(self, node: GaleraNode) -> None:
        node.stop()
        self._rest()
        node.start()

    def _cut_off(self, node: GaleraNode) -> None:
        node.cut_off()
        self._rest(0.5, 5.0)
        node.join_again()

    def _stand_still(self, node: GaleraNode) -> None:
        with standing_still(node.pid):
            self._rest(0.5, 5.0)
        node.await_status("wsrep_local_state_comment", "Synced")

    def _lag(self, node: GaleraNode) -> None:
        with node.lagging():
            self._rest(1.0, 5.0)

    def _freeze_follower(self, _: GaleraNode) -> None:
        (holder,) = self.torture.followers(self.torture.state().holder)
        with standing_still(holder.pid):
            self.torture.advance(until=time.monotonic() + self._chance.uniform(0.5, 2 * LEASE))

    def _kill_follower(self, node: GaleraNode) -> None:
        self.torture.stop_following(among=self.torture.state().holder)
        self.torture.follow(node.url)

    def _await_token(self, file: Path) -> None:
        deadline = time.monotonic() + PATIENCE
        while not (file.exists() and file.read_text()):
            assert time.monotonic() < deadline
            PAUSE.wait(0.05)

    def _await_answers(self, consumer: Consumer) -> None:
        """Wait until a consumer reads to the end: whoever knows a lost commit is told to wait."""
        deadline, counted = time.monotonic() + PATIENCE, -1
        while (outages := _outages(consumer)) != counted:
            assert time.monotonic() < deadline
            counted = outages

    def _compare_nodes(self) -> None:
        self.torture.stop_following()
        first, *others = map(_content, self._cluster.urls)
        assert all(other == first for other in others)


def _outages(consumer: Consumer) -> int:
    """Have a consumer read to the end; return how often it could not."""
    replica = consumer.caught_up()
    outages = replica.deeds().get("outages", 0)
    replica.close()
    PAUSE.wait(0.2)
    return outages


def _server_block(ports: list[int]) -> str:
    """Return the proxy's configuration, as the manual gives it."""
    page = (ROOT / "docs" / "how-to" / "galera.md").read_text()
    (block,) = re.findall(r"```nginx setup\n(.*?)```", page, re.DOTALL)
    for number, port in enumerate(ports, start=1):
        block = block.replace(f"10.0.0.{number}:8000", f"{HOST}:{port}")
    return str(block).replace(":5000", f":{free_port()}")


def _content(url: str) -> dict[str, list[str]]:
    """Return all rows of a node's journal."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("SET SESSION wsrep_sync_wait = 1")
            return {
                table.name: sorted(map(repr, connection.execute(select(table))))
                for table in METADATA.tables.values()
            }
    finally:
        engine.dispose()


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_and_nothing_goes_back(seed: str, tmp_path: Path) -> None:
    """Nodes are killed, cut off, stand still and lag; nobody has to read everybody again."""
    with Galera() as cluster:
        trial = Trial(tmp_path, cluster, seed)
        with trial.running() as (_, in_turn):
            trial.endure()
        assert in_turn.replica().deeds()["full readings"] == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cluster_that_died_as_a_whole(seed: str, tmp_path: Path) -> None:
    """What it lost is read again, and a new epoch tells everybody the rest.

    Who was broken off before the token of a lost commit was saved knows what nobody else does, and
    keeps what has the higher version until it is told again.
    """
    with Galera() as cluster:
        trial = Trial(tmp_path, cluster, seed)
        with trial.running(keeps_higher=True):
            for _ in range(3):
                trial.die()
            trial.begin_epoch()
