"""What `make mutants` reads: modules with their tests, and survivors that are equivalent."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

FILE = Path("tests/mutants.toml")


class Identity(NamedTuple):
    """A mutant by its text, which outlives moved lines: where it is, and what became of what."""

    module: str
    function: str
    before: str
    after: str


@dataclass(frozen=True)
class Module:
    """A source file whose mutants are to be killed by these test files, or folders of them."""

    path: str
    tests: list[str]

    @property
    def name(self) -> str:
        """Return the dotted name that it is imported by."""
        return self.path.removesuffix(".py").replace("/", ".")


@dataclass(frozen=True)
class Configuration:
    """All modules, and for each accepted survivor the reason why it is equivalent."""

    modules: list[Module]
    equivalent: dict[Identity, str]


def load(path: Path = FILE) -> Configuration:
    """Read the configuration."""
    data = tomllib.loads(path.read_text())
    modules = [Module(**entry) for entry in data["module"]]
    reasons = {
        Identity(entry["module"], entry["function"], change["before"], change["after"]): entry[
            "reason"
        ]
        for entry in data.get("equivalent", [])
        for change in entry["changes"]
    }
    return Configuration(modules, reasons)
