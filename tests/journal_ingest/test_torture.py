"""Whatever breaks meanwhile, at rest the journal is the directory (`make soak`: for longer)."""

from __future__ import annotations

from pathlib import Path

from tests.support.torture import Torture


def test_nothing_is_lost_while_everything_breaks(tmp_path: Path) -> None:
    """Two writers, four SIGKILLs of the follower, one restart of slapd."""
    torture = Torture(tmp_path, people=1000)
    try:
        torture.run(kills=4, restarts=1, seconds=8)
        assert torture.wrongly_deleted() == set()
    finally:
        torture.server.stop()
        torture.journal.engine.dispose()
