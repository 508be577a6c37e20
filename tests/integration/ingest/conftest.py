"""A slapd that can be followed, and a journal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flask_gluu_changes.journal.batch import WriteBatch
from flask_gluu_changes.journal.writer import Writer
from tests.support.filling import SLAPD
from tests.support.filling import anywhere as anywhere
from tests.support.filling import journal as journal
from tests.support.followed import People
from tests.support.slapd import Slapd


@pytest.fixture(scope="session")
def running_people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """One slapd for all tests that do not restart it."""
    with Slapd(tmp_path_factory.mktemp("followed"), extra=SLAPD) as server:
        yield People(server)


@pytest.fixture
def people(running_people: People) -> People:
    """The running directory without people."""
    running_people.empty()
    return running_people


@pytest.fixture
def own_people(tmp_path: Path) -> Iterator[People]:
    """A directory of the test's own, to be stopped and started."""
    with Slapd(tmp_path / "slapd", extra=SLAPD) as server:
        yield People(server)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[WriteBatch]:
    """What is written, as it is given to the writer."""
    commit, written = Writer.commit, list[WriteBatch]()

    def note(self: Writer, batch: WriteBatch) -> int:
        written.append(replace(batch, changes={**batch.changes}))
        return commit(self, batch)

    monkeypatch.setattr(Writer, "commit", note)
    return written
