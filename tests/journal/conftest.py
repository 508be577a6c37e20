"""Journals for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from flask_gluu_changes.journal.tables import METADATA, open_engine
from tests.support.journal_site import Site
from tests.support.journals import Journal, file_engine


@pytest.fixture
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database without tables: a file, or a server whose fixture is named as the parameter."""
    server = getattr(request, "param", None)
    if server is None:
        yield file_engine(tmp_path)
        return
    engine = open_engine(request.getfixturevalue(server).url)
    yield engine
    METADATA.drop_all(engine)
    engine.dispose()


@pytest.fixture
def journal(engine: Engine) -> Iterator[Journal]:
    """An empty journal, built."""
    journal = Journal(engine)
    yield journal
    journal.backend.close()


@pytest.fixture
def site(journal: Journal) -> Site:
    """An application that serves the journal."""
    return Site(journal)
