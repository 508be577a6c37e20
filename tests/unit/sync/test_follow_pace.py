"""`follow` does not ask all the time where a server answers at once."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest

from flask_gluu_changes.sync import commands
from flask_gluu_changes.sync.operator_options import OperatorOptions
from flask_gluu_changes.sync.outcome import Outcome
from flask_gluu_changes.sync.reporting import RunReporter
from flask_gluu_changes.sync.run import Job


class Told:
    """A job that is told so many changes, of which so many are new."""

    def __init__(self, told: int, created: int) -> None:
        self._told, self._created = told, created

    def run(self, outcome: Outcome, **_: Any) -> None:
        outcome.told, outcome.created = self._told, self._created


@pytest.mark.parametrize(("told", "created", "pauses"), [(0, 0, True), (7, 0, True), (7, 1, False)])
def test_a_run_in_which_nobody_changed_is_followed_by_a_pause(
    told: int, created: int, pauses: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where people were told again that were known, as by time stamps."""
    paused: list[float] = []
    monkeypatch.setattr(time, "sleep", paused.append)
    reporter = RunReporter(OperatorOptions(), "follow", "https://people.example.org/")
    commands._follow_once(reporter, cast(Job, Told(told, created)), wait=0)
    assert [4 < seconds <= commands.INTERVAL for seconds in paused] == [True] * pauses
