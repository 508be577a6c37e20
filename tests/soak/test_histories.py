"""The histories of the journal's tests, more of them and longer ones."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine

from tests.support.histories import QUICK, machine_on
from tests.support.journals import file_engine, memory_engine

pytestmark = pytest.mark.timeout(7200)  # tens of thousands of histories

SOAK = settings(QUICK, max_examples=10_000, stateful_step_count=30)


def _engine(place: str, folder: Path) -> Engine:
    return memory_engine() if place == "memory" else file_engine(folder)


@pytest.mark.parametrize("place", ["memory", "file"])
def test_no_history_loses_anything(
    place: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """G1 to G4, in memory and in a file."""
    caplog.set_level(logging.CRITICAL, logger="flask_gluu_changes")
    run_state_machine_as_test(machine_on(_engine(place, tmp_path)), settings=SOAK)
