"""Whoever asks whether the operation is ready, and however often: each worker looks seldom."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from time import monotonic

import pytest

from tests.support.apps import OPERATION
from tests.support.journals import Journal, file_engine
from tests.support.markers import TOKEN_SECRET
from tests.support.nodes import Node
from tests.support.probed import LOOKS, looks_in
from tests.support.processes import HOST

pytestmark = pytest.mark.timeout(90)

WORKERS, THREADS, ASKERS = 2, 4, 6
SECONDS = 2.2
LOOK_EVERY = 1.0
"""Seconds between two looks of a process, as the manual says."""

A_CONNECTION = 100
"""Requests over one connection, behind which another worker may be asked."""


@pytest.fixture(params=["people", "journal"])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Node]:
    """gunicorn over a store, and over a journal."""
    settings = {LOOKS: str(tmp_path / "looks"), "FLASK_SECRET_KEY": TOKEN_SECRET}
    if request.param == "journal":
        engine = file_engine(tmp_path)
        Journal(engine).put("a")
        settings["FLASK_GLUU_CHANGES_JOURNAL_URL"] = str(engine.url)
        engine.dispose()
    options = ["--workers", f"{WORKERS}", "--threads", f"{THREADS}", "--keep-alive", "60"]
    node = Node(settings, *options, application="tests.support.probed:create_app()")
    with node:
        (tmp_path / "looks").write_text("")  # the node was asked until it answered
        yield node


def ask(node: Node, until: float, statuses: list[int]) -> None:
    """Ask without a pause, over connections that are kept."""
    while monotonic() < until:
        connection = HTTPConnection(HOST, node.port, timeout=20)
        for _ in range(A_CONNECTION):
            connection.request("GET", f"{OPERATION}/readyz")
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
            if monotonic() >= until:
                break
        connection.close()


def test_each_worker_looks_once_a_second(node: Node, tmp_path: Path) -> None:
    """A flood over HTTP: of all its processes none looks at the store before a second is over."""
    statuses: list[int] = []
    until = monotonic() + SECONDS
    askers = [threading.Thread(target=ask, args=(node, until, statuses)) for _ in range(ASKERS)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    looks = looks_in(tmp_path / "looks")
    # while a worker looks for the first time it is not known to be ready
    assert {*statuses} <= {200, 503}
    assert statuses.count(200) > 0.8 * len(statuses)
    assert len(statuses) > 10 * sum(map(len, looks.values()))
    assert 1 <= len(looks) <= WORKERS
    for moments in looks.values():
        assert len(moments) <= SECONDS / LOOK_EVERY + 1
        assert all(later - earlier >= LOOK_EVERY for earlier, later in pairwise(moments))
