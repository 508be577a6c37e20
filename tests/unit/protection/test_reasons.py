"""Reasons are logged, and not so often that a flood of bad tokens fills a disk."""

from __future__ import annotations

import logging

import pytest

from flask_gluu_changes.protection.reasons import Reasons
from tests.support.scripted_server import StillClock


def test_a_reason_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """Anybody can bring bad tokens."""
    clock = StillClock()
    reasons = Reasons(clock)
    for why in ("a", "a", "b", "a"):
        reasons.tell(why)
    assert [record.getMessage()[-1] for record in caplog.records] == ["a", "b"]
    clock.pass_by(59.9)
    reasons.tell("a")
    clock.pass_by(0.1)
    reasons.tell("a")
    assert [record.getMessage()[-1] for record in caplog.records] == ["a", "b", "a"]
    logger = "flask_gluu_changes.protection.reasons"
    said = (logger, logging.WARNING, "A token was refused: a")
    assert caplog.record_tuples[0] == caplog.record_tuples[2] == said
