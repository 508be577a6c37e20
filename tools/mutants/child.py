"""What a forked process does: import the package with one file changed, and run tests on it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from types import CodeType, ModuleType

import pytest
from hypothesis import settings

from .configuration import Module

OPTIONS = ("-x", "-q", "-p", "no:cacheprovider")


class _Loader(SourceFileLoader):
    """Loads a module from other code than its file has."""

    def __init__(self, name: str, path: str, code: str) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        """Compile the changed code."""
        return compile(self._code, self.path, "exec")


class Changed(MetaPathFinder):
    """Finds one module, with changed code."""

    def __init__(self, module: Module, code: str) -> None:
        self._module = module
        self._code = code

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for the one module, None for all others."""
        if name != self._module.name:
            return None
        loader = _Loader(name, self._module.path, self._code)
        return spec_from_file_location(name, self._module.path, loader=loader)


class Plugin:
    """Orders tests by how many mutants they killed, and stops at the first that fails.

    stop: gets its name, and ends the process.
    """

    def __init__(
        self, kills: Mapping[str, int], seconds: Mapping[str, float], stop: Callable[[str], object]
    ) -> None:
        self._kills = kills
        self._known = seconds
        self._stop = stop
        self.seconds: dict[str, float] = {}

    def pytest_sessionstart(self) -> None:
        """Have the same few examples each time, after a conftest chose others."""
        settings.register_profile(
            "mutants", max_examples=25, derandomize=True, database=None, deadline=None
        )
        settings.load_profile("mutants")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put first what killed most, then what takes the least time."""
        items.sort(
            key=lambda item: (-self._kills.get(item.nodeid, 0), self._known.get(item.nodeid, 0.0))
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the time; a failure ends it all."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self._stop(report.nodeid)


def run(module: Module, code: str | None, plugin: Plugin, folder: str) -> int:
    """Run the tests of a module on changed code; return pytest's exit status."""
    if code is not None:
        sys.meta_path.insert(0, Changed(module, code))
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    arguments = [*OPTIONS, f"--basetemp={folder}", *module.tests]
    return int(pytest.main(arguments, plugins=[plugin]))
