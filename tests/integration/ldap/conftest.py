"""One slapd for most tests, emptied for each; others are started where a test needs its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from flask_gluu_changes.backends.ldap import LdapBackend
from tests.support.directory import Directory, config_of
from tests.support.slapd import DEFAULT_INDEXES, TIME_INDEXES, Slapd

MakeBackend: TypeAlias = Callable[..., LdapBackend]


@pytest.fixture(scope="session", params=["indexed", "unindexed"])
def running_directory(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Directory]:
    """A slapd that indexes the time attributes, and one that does not."""
    indexes = TIME_INDEXES if request.param == "indexed" else DEFAULT_INDEXES
    with Slapd(tmp_path_factory.mktemp("slapd"), indexes=indexes) as server:
        yield Directory(server)


@pytest.fixture
def directory(running_directory: Directory) -> Directory:
    """The running directory without people."""
    running_directory.empty()
    return running_directory


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Slapd]:
    """A slapd of the test's own, to be stopped and started."""
    with Slapd(tmp_path / "slapd") as server:
        yield server


@pytest.fixture
def backend_of() -> Iterator[MakeBackend]:
    """Make backends that are closed after the test."""
    made: list[LdapBackend] = []

    def make(server: Slapd, **changed: Any) -> LdapBackend:
        made.append(LdapBackend.from_config(config_of(server, **changed)))
        return made[-1]

    yield make
    for backend in made:
        backend.close()
