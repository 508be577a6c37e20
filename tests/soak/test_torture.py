"""A minute of trouble for everything at once, by seeds: SEED="17 42" gives them."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from tests.support.torture import Torture
from tests.support.troubles import Ordeal, Site

pytestmark = pytest.mark.timeout(900)  # a minute of trouble, and the rest of it

SEEDS = os.environ.get("SEED", "").split() or [str(secrets.randbelow(10**6))]
MINUTE = Ordeal(60, kills=10, crashes=2, restarts=1, clocks=2, restores=1, nodes=1)
CUT_OFF = Ordeal(60, kills=4, crashes=1, nodes=1, cuts=6)


@pytest.mark.parametrize("database", ["sqlite", "postgres", "mariadb"])
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_in_a_minute_of_trouble(
    database: str, seed: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Ten SIGKILLs of `follow`, two of slapd, other clocks, a restore, consumers that crash."""
    url = "" if database == "sqlite" else request.getfixturevalue(database).url
    Torture(tmp_path, Site.of(seed), seed=seed, journal=url).endure(MINUTE)


@pytest.mark.parametrize("database", ["sqlite", "postgres", "mariadb"])
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_where_lines_are_cut(
    database: str, seed: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Those to the directory and the journal's server, six times in a minute; and more besides."""
    url = "" if database == "sqlite" else request.getfixturevalue(database).url
    # fewer people: what is read anew after a cut must not take as long as the wait for it
    Torture(tmp_path, Site.of(seed, 2000), seed=seed, journal=url).endure(CUT_OFF)
