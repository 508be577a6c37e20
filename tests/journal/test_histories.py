"""Nothing is lost in any history that hypothesis can think of, and the old recipe does lose."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine

from tests.support.histories import Histories
from tests.support.journal_site import Site
from tests.support.journals import Journal, file_engine, memory_engine
from tests.support.replicas import RecipeReplica
from tests.support.world import copy_of

QUICK = settings(
    max_examples=1500,
    stateful_step_count=8,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
FOUND = settings(QUICK, phases=[Phase.generate], print_blob=False, report_multiple_bugs=False)


def _machine(on: Engine, **more: object) -> type[Histories]:
    journal = Journal(on)
    served = {"journal": journal, "blank": copy_of(journal), "app": Site(journal).app}
    return type("Machine", (Histories,), {**served, **more})


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of refusals are expected here."""
    caplog.set_level(logging.CRITICAL, logger="flask_gluu_changes")


def test_no_history_loses_anything_in_memory() -> None:
    """G1 to G4 over 1500 histories."""
    run_state_machine_as_test(_machine(memory_engine()), settings=QUICK)


def test_no_history_loses_anything_in_a_file(tmp_path: Path) -> None:
    """The same with transactions of several connections."""
    machine = _machine(file_engine(tmp_path))
    run_state_machine_as_test(machine, settings=settings(QUICK, max_examples=500))
    machine.journal.engine.dispose()


@pytest.mark.parametrize("removes", [True, False], ids=["removing", "keeping"])
def test_the_recipe_of_time_stamps_loses_changes(removes: bool) -> None:
    """Even where nobody is ever removed, because of late commits and skewed clocks."""
    machine = _machine(memory_engine(), replica_class=RecipeReplica, removes=removes)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=FOUND)
