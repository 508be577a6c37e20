"""Whatever happens between runs and between pages, times lose nobody whose writer noted one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.gluu_server import GluuServer
from tests.support.time_replica import TimeReplica

pytestmark = pytest.mark.timeout(120)

OVERLAP = 300

Step = tuple[str, int, int]

STEPS = (
    *("create", "create", "late", "ahead", "update", "rename", "delete", "delete", "edit"),
    *("run", "full", "pass", "pass"),
)

STEP = st.tuples(st.sampled_from(STEPS), st.integers(0, 30), st.integers(1, OVERLAP - 100))

INTERRUPTIONS = st.dictionaries(st.integers(1, 40), st.lists(STEP, max_size=6), max_size=12)


class History:
    """Steps that a test has drawn, done to a server and its replica.

    edited: who was changed without a time, so that the next full reading alone tells it.
    """

    def __init__(self, count: int, *, sorts_all: bool) -> None:
        self.server = GluuServer()
        self.server.sorts_all = sorts_all
        self.replica = TimeReplica(self.server, count=count, overlap=OVERLAP, full_every=10**9)
        self.edited: set[str] = set()
        self._uids = iter(range(10**6))

    def do(self, step: Step, *, within_run: bool = False) -> None:
        """Do a step; a run does not begin within another one."""
        what, who, seconds = step
        if what in ("run", "full"):
            if not within_run:
                self.replica.run(full=what == "full")
        elif what == "pass":
            self.server.pass_by(seconds * 10)
        elif what in ("create", "late", "ahead"):
            skew = {"create": 0, "late": -seconds, "ahead": seconds * 100}[what]
            self.server.create(f"{who:02}-{next(self._uids)}", skew=skew)
        elif self.server.people:
            self._change(what, [*self.server.people][who % len(self.server.people)], seconds)

    def _change(self, what: str, inum: str, seconds: int) -> None:
        changes: Mapping[str, Callable[[], Any]] = {
            "update": lambda: self.server.update(inum, mail=[str(seconds)]),
            "rename": lambda: self.server.update(inum, uid=[f"{seconds}-{next(self._uids)}"]),
            "delete": lambda: self.server.delete(inum),
            "edit": lambda: self.server.edit(inum, sn=[str(seconds)]),
        }
        changes[what]()
        self.edited |= {inum} if what == "edit" else set()
        self.edited -= {inum} if what in ("update", "rename") else set()

    def expected(self) -> dict[str, dict[str, Any]]:
        """Return everybody as the server shows them."""
        fresh = TimeReplica(self.server)
        fresh.run()
        return fresh.people


@given(
    steps=st.lists(STEP, max_size=40),
    interruptions=INTERRUPTIONS,
    count=st.integers(2, 12),
    sorts_all=st.booleans(),
)
@settings(max_examples=150)
def test_a_run_at_rest_knows_every_change_with_a_time(
    steps: list[Step], interruptions: dict[int, list[Step]], count: int, sorts_all: bool
) -> None:
    """In each kind of order, and a full reading equals the server."""
    history = History(count, sorts_all=sorts_all)
    server, replica = history.server, history.replica

    def interrupt(answers: int) -> None:
        for step in interruptions.get(answers, ()):
            history.do(step, within_run=True)

    server.between = interrupt
    for step in steps:
        history.do(step)
    server.between = lambda _: None
    replica.run()
    expected = history.expected()
    stamped = expected.keys() - history.edited
    assert {inum: replica.people.get(inum) for inum in stamped} == {
        inum: expected[inum] for inum in stamped
    }
    replica.run(full=True)
    assert replica.people == expected
