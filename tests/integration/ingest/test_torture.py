"""Whatever breaks meanwhile, at rest the journal is the directory (`make soak`: for longer)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.endurance import endure
from tests.support.torture import Torture

pytestmark = pytest.mark.timeout(600)  # it waits with a patience of its own


def test_nothing_is_lost_while_everything_breaks(tmp_path: Path) -> None:
    """Two writers, four SIGKILLs of the follower, a restart of slapd, one of the web server."""
    endure(Torture(tmp_path, people=1000), kills=4, restarts=1, seconds=8)
