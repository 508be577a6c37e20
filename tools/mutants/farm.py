"""Runs mutants in forked processes, several at a time, each for a limited time."""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from .child import Plugin, run
from .configuration import Module
from .generation import Mutant

OWN = ("flask_gluu_changes", "tests")
"""What each process imports anew."""

MEMORY = 4 * 2**30
PAUSE = 0.003
PATIENCE = 600.0


class Report(NamedTuple):
    """What a process says at its end: pytest's status, the test that failed, times, imports."""

    status: int
    failed: str
    seconds: dict[str, float]
    imported: list[str]


@dataclass
class _Process:
    pid: int
    deadline: float
    file: Path
    mutant: Mutant | None
    timed_out: bool = False


@dataclass
class Verdict:
    """How a mutant ended: killed, timeout or survived."""

    mutant: Mutant
    outcome: str
    killer: str = ""


@dataclass
class Farm:
    """Runs the tests of one module on its mutants."""

    module: Module
    jobs: int
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="mutants-")))
    kills: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    limit: float = PATIENCE

    def warm_up(self) -> str:
        """Run the tests on the unchanged code; import what they import of others, and run again.

        Returns what failed, which should be nothing.
        """
        report = self._result(self._wait([self._start(None)]))
        if report is None or report.status != 0:
            return report.failed or f"status {report.status}" if report else "no report"
        began = time.monotonic()
        _import_all(report.imported)
        gc.freeze()  # pytest collects garbage several times, and would look at all that
        report = self._result(self._wait([self._start(None)]))
        self.seconds = report.seconds if report else {}
        self.limit = 3 + 4 * (time.monotonic() - began)
        return ""

    def run(self, mutants: Sequence[Mutant]) -> Iterator[Verdict]:
        """Yield a verdict on each mutant, as they come."""
        left, running = [*reversed(mutants)], list[_Process]()
        while left or running:
            while left and len(running) < self.jobs:
                running.append(self._start(left.pop()))
            yield self._verdict(self._wait(running))

    def _start(self, mutant: Mutant | None) -> _Process:
        code = mutant.code if mutant else None
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            _quietly(lambda: self._work(code, folder))
        return _Process(pid, time.monotonic() + self.limit, folder / "report", mutant)

    def _work(self, code: str | None, folder: Path) -> None:
        file = folder / "report"

        def stop(test: str) -> None:
            file.write_text(json.dumps(Report(1, test, {}, [])))
            os._exit(0)

        plugin = Plugin(self.kills, self.seconds, stop)
        status = run(self.module, code, plugin, str(folder / "tmp"))
        imported = [*sys.modules] if code is None else []
        file.write_text(json.dumps(Report(status, "", plugin.seconds, imported)))

    def _wait(self, running: list[_Process]) -> _Process:
        """Wait until one of them ends, and take it off the list; kill those that take too long."""
        while True:
            for process in running:
                if os.waitpid(process.pid, os.WNOHANG)[0]:
                    running.remove(process)
                    _kill(process)  # whatever it left behind
                    return process
                if time.monotonic() > process.deadline:
                    process.timed_out = True
                    _kill(process)
            time.sleep(PAUSE)

    def _result(self, process: _Process) -> Report | None:
        if not process.file.exists():
            return None
        return Report(*json.loads(process.file.read_text()))

    def _verdict(self, process: _Process) -> Verdict:
        assert process.mutant is not None
        report = self._result(process)
        if report is None or process.timed_out:
            return Verdict(process.mutant, "timeout" if process.timed_out else "killed")
        if report.status == 0:
            return Verdict(process.mutant, "survived")
        self.kills[report.failed] += 1
        return Verdict(process.mutant, "killed", report.failed)


def _quietly(work: Callable[[], Any]) -> None:
    """Do something in this forked process, and end it."""
    try:
        os.setpgid(0, 0)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        work()
    finally:
        os._exit(0)


def _kill(process: _Process) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _import_all(names: list[str]) -> None:
    for name in names:
        if name.partition(".")[0] not in (*OWN, "__main__", "conftest"):
            try:
                import_module(name)
            except ImportError:
                continue
