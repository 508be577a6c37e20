"""Two ways to put a mutant in the place of the code that was imported."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from types import CodeType, FunctionType, ModuleType

from .configuration import Module
from .generation import Mutant

OWN = ("flask_gluu_changes", "tests")
"""What is imported anew for a mutant that cannot be put in place."""


def replace_code(module: Module, mutant: Mutant) -> bool:
    """Give an imported function the code of a mutant; False where that does not do.

    It does not where the change is outside of functions, or in the defaults of one.
    """
    function = _function(sys.modules[module.name], mutant.function)
    code = _named(compile(mutant.code, module.path, "exec"), mutant.function)
    if function is None or code is None or code == function.__code__:
        return False
    if code.co_freevars != function.__code__.co_freevars:
        return False
    function.__code__ = code
    return True


def _function(module: ModuleType, qualified_name: str) -> FunctionType | None:
    found: object = module
    for name in qualified_name.split("."):
        found = vars(found).get(name)
    found = getattr(found, "__func__", found)  # of a class method
    return found if isinstance(found, FunctionType) else None


def _named(code: CodeType, qualified_name: str) -> CodeType | None:
    return next((c for c in _codes(code) if c.co_qualname == qualified_name), None)


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def import_anew(module: Module, mutant: Mutant) -> None:
    """Forget all that is imported of the project, and have a module come with a mutant's code."""
    for name in [*sys.modules]:
        if name.partition(".")[0] in OWN:
            del sys.modules[name]
    sys.meta_path.insert(0, _Finder(module, mutant.code))


class _Finder(MetaPathFinder):
    def __init__(self, module: Module, code: str) -> None:
        self._module = module
        self._code = code

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self._module.name:
            return None
        loader = _Loader(name, self._module.path, self._code)
        return spec_from_file_location(name, self._module.path, loader=loader)


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, code: str) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._code, self.path, "exec")
