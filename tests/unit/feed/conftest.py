"""What the tests of paging sessions have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

from flask_gluu_changes.feed.folder_store import FolderStore
from flask_gluu_changes.feed.private_store import PrivateStore
from flask_gluu_changes.feed.sessions import PagingSessions
from flask_gluu_changes.feed.stores import SessionStore
from tests.support.clocks import Clock

from .walks import sessions_with


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture(params=["private", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SessionStore:
    """Where sessions are kept by one process, and by several."""
    return PrivateStore() if request.param == "private" else FolderStore(tmp_path / "sessions")


@pytest.fixture
def sessions(clock: Clock, store: SessionStore) -> PagingSessions:
    """Room for three sessions of each caller, each for ten seconds."""
    return sessions_with(clock, store)
