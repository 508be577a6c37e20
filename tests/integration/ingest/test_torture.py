"""Whatever breaks meanwhile, at rest a consumer has what the directory has (`make soak`: more)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.torture import Torture
from tests.support.troubles import Ordeal, Site

pytestmark = pytest.mark.timeout(600)  # it waits with a patience of its own

PEOPLE = 200
ORDEALS = {
    "sqlite": Ordeal(4, kills=2, crashes=1, nodes=1),
    "postgres": Ordeal(4, kills=1, restores=1),
    "mariadb": Ordeal(4, kills=1, clocks=2),
}


@pytest.mark.parametrize("database", ORDEALS)
def test_nothing_is_lost_while_everything_breaks(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """SIGKILLs and consumers that crash; a restore; clocks that are wrong."""
    url = "" if database == "sqlite" else request.getfixturevalue(database).url
    Torture(tmp_path, Site.of("4", PEOPLE), seed="4", journal=url).endure(ORDEALS[database])
