"""Whatever breaks meanwhile, at rest the journal is the OpenDJ."""

from __future__ import annotations

from pathlib import Path

from tests.support.endurance import endure
from tests.support.torture import Torture

from .opendj import OpenDJ


def test_nothing_is_lost_in_a_minute_of_trouble(tmp_path: Path) -> None:
    """20,000 people, two writers, ten SIGKILLs of the follower, two restarts of OpenDJ."""
    server = OpenDJ(tmp_path / "opendj", changelog=True)
    torture = Torture(tmp_path, people=20_000, server=server)
    endure(torture, kills=10, restarts=2, seconds=60)
