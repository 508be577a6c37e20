"""Journals for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.journal_site import Site
from tests.support.journals import Journal, file_engine


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An empty journal in a file, built."""
    journal = Journal(file_engine(tmp_path))
    yield journal
    journal.backend.close()


@pytest.fixture
def site(journal: Journal) -> Site:
    """An application that serves the journal."""
    return Site(journal)
