"""The mutants of one module meet its tests: collected once, and run in a fork for each mutant."""

from __future__ import annotations

import gc
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

from .configuration import Module
from .generation import Mutant
from .pool import Ended, Work, run_forked
from .replacement import import_anew, replace_code

OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-p", "pytest_timeout")
PATIENCE = 600.0


class Verdict(NamedTuple):
    """What became of a mutant, by its number: killed, timeout, survived or error."""

    number: int
    outcome: str
    test: str


def try_all(module: Module, mutants: Sequence[Mutant], jobs: int, folder: Path) -> list[Verdict]:
    """Return a verdict on each mutant; ends the program where the tests fail without any."""

    def work(own: Path) -> None:
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        trial = Trial(module, mutants, jobs, own)
        pytest.main([*OPTIONS, *module.tests], plugins=[trial])
        (own / "verdicts").write_text(json.dumps([trial.failed, trial.verdicts]))

    (ended,) = run_forked([(module, work)], jobs=1, seconds=10 * PATIENCE, folder=folder)
    file = ended.folder / "verdicts"
    failed, verdicts = json.loads(file.read_text()) if file.exists() else ["pytest itself", []]
    if failed:
        raise SystemExit(f"{module.path}: its tests do not pass without any change: {failed}")
    return [Verdict(*verdict) for verdict in verdicts]


class Examples:
    """Has hypothesis give the same few examples each time, whatever a conftest chose."""

    def pytest_sessionstart(self) -> None:
        """Choose them before tests are imported."""
        settings.register_profile(
            "mutants", max_examples=25, derandomize=True, database=None, deadline=None
        )
        settings.load_profile("mutants")


class Stop:
    """Writes down the first test that fails, and ends the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.seconds = Counter[str]()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Look at each step of a test."""
        self.seconds[report.nodeid] += report.duration  # type: ignore[assignment]
        if report.failed:
            _say(self._folder, "killed", report.nodeid)
            os._exit(0)


class Trial(Examples):
    """Takes the place of pytest's loop over the tests."""

    def __init__(self, module: Module, mutants: Sequence[Mutant], jobs: int, folder: Path) -> None:
        self._module = module
        self._mutants = mutants
        self._jobs = jobs
        self._folder = folder
        self._kills = Counter[str]()
        self._seconds: dict[str, float] = {}
        self.failed = "the collection of the tests"
        self.verdicts: list[Verdict] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try the code as it is, and then each mutant."""
        gc.freeze()  # pytest collects garbage several times, and would look at all that
        began = time.monotonic()
        (ended,) = self._run([(-1, lambda own: self._work(session, None, own))], PATIENCE)
        outcome, self.failed = _heard(ended)
        if outcome != "survived":
            return True
        self._seconds, self.failed = json.loads(self.failed), ""
        limit = min(40.0, 10 + 5 * (time.monotonic() - began))
        for ended in self._run(self._tasks(session), limit):
            self._judge(ended)
        return True

    def _run(self, tasks: Sequence[tuple[int, Work]], seconds: float) -> Iterator[Ended[int]]:
        return run_forked(tasks, jobs=self._jobs, seconds=seconds, folder=self._folder)

    def _tasks(self, session: pytest.Session) -> list[tuple[int, Work]]:
        return [
            (number, lambda own, mutant=mutant: self._work(session, mutant, own))  # type: ignore[misc]
            for number, mutant in enumerate(self._mutants)
        ]

    def _judge(self, ended: Ended[int]) -> None:
        outcome, test = ("timeout", "") if ended.timed_out else _heard(ended)
        self._kills[test] += 1
        self.verdicts.append(Verdict(ended.task, outcome, test))

    def _work(self, session: pytest.Session, mutant: Mutant | None, folder: Path) -> None:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(folder)
        stop = Stop(folder)
        if mutant is None or replace_code(self._module, mutant):
            self._run_in_place(session, stop)
        if mutant is not None:  # a survivor is proved by tests that were imported with it
            self._run_anew(mutant, stop)
        _say(folder, "survived", json.dumps(stop.seconds))

    def _run_in_place(self, session: pytest.Session, stop: Stop) -> None:
        session.config.pluginmanager.register(stop)
        items = sorted(session.items, key=self._rank)
        for item, following in zip(items, [*items[1:], None], strict=True):
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)

    def _run_anew(self, mutant: Mutant, stop: Stop) -> None:
        import_anew(self._module, mutant)
        status = pytest.main([*OPTIONS, *self._module.tests], plugins=[stop, Examples()])
        if status != pytest.ExitCode.OK:  # it could not even be imported
            _say(stop._folder, "killed", "")
            os._exit(0)

    def _rank(self, item: pytest.Item) -> tuple[int, float]:
        """Put first what killed most, then what takes the least time."""
        return -self._kills[item.nodeid], self._seconds.get(item.nodeid, 0.0)


def _say(folder: Path, outcome: str, test: str) -> None:
    (folder / "outcome").write_text(json.dumps([outcome, test]))


def _heard(ended: Ended[int]) -> tuple[str, str]:
    file = ended.folder / "outcome"
    if not file.exists():
        return "error", ""
    outcome, test = json.loads(file.read_text())
    return outcome, test
