"""The long form of tests/integration/ingest/test_torture.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.endurance import endure
from tests.support.torture import Torture

pytestmark = pytest.mark.timeout(3600)  # a minute of trouble, and the rest of it


def test_nothing_is_lost_in_a_minute_of_trouble(tmp_path: Path) -> None:
    """20,000 people, two writers, ten SIGKILLs, two restarts of slapd, one of the web server."""
    endure(Torture(tmp_path, people=20_000), kills=10, restarts=2, seconds=60)
