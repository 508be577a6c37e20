"""What an operator is told of an outage, and of an hour."""

from __future__ import annotations

import pytest

from flask_gluu_changes.errors import BackendUnavailable
from flask_gluu_changes.journal.failures import JournalUnavailable
from flask_gluu_changes.journal.ingest.report import Activity, Outage
from tests.support.clocks import Clock


def test_an_outage_is_said_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """However often it is tried, with a line when it is over."""
    caplog.set_level("INFO")
    clock = Clock(1000.0)
    outage, waits = Outage(clock), []
    for _ in range(130):
        waits.append(outage.note(JournalUnavailable("gone")))
        clock.now += 1
    assert caplog.messages == [f"gone; waiting for it since {n} s" for n in (0, 60, 120)]
    assert (waits[0], max(waits)) == (0.1, 5.0)
    outage.note(BackendUnavailable("the store, too"))
    assert caplog.messages[-1] == "the store, too; waiting for it since 130 s"
    outage.end()
    outage.end()
    assert caplog.messages[4:] == ["it goes on, after 130 s"]
    assert outage.note(JournalUnavailable("again")) == 0.1
    assert caplog.messages[-1] == "again; waiting for it since 0 s"


def test_an_hour_is_summed_up(caplog: pytest.LogCaptureFixture) -> None:
    """Whether there was anything to do or not."""
    caplog.set_level("INFO")
    clock = Clock(1000.0)
    activity = Activity(clock)
    for _ in range(120):
        activity.note(2)
        clock.now += 60
    activity.note(0)
    assert [message.rpartition(" ")[2] for message in caplog.messages] == ["122", "118"]
