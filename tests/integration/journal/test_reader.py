"""A run gives every row between two places once, from the servers that are supported too."""

from __future__ import annotations

import pytest

from tests.unit.journal.test_reader import *  # noqa: F403  (the same tests, on other engines)

pytestmark = pytest.mark.parametrize(
    "engine", ["postgres", "mariadb"], ids=["postgresql", "mariadb"], indirect=True
)
