"""The long form of tests/journal_ingest/test_torture.py."""

from __future__ import annotations

from pathlib import Path

from tests.support.torture import Torture


def test_nothing_is_lost_in_a_minute_of_trouble(tmp_path: Path) -> None:
    """20,000 people, two writers, ten SIGKILLs of the follower, two restarts of slapd."""
    torture = Torture(tmp_path, people=20_000)
    try:
        torture.run(kills=10, restarts=2, seconds=60)
        assert torture.wrongly_deleted() == set()
    finally:
        torture.server.stop()
        torture.journal.engine.dispose()
