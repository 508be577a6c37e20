"""A URL of SQLAlchemy may name several hosts, of which a driver takes one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from flask_gluu_changes.database.hosts import hosts_of


@pytest.mark.parametrize(
    ("hosts", "options"),
    [
        (None, [{}]),
        ("db.example.org", [{"host": "db.example.org"}]),
        ("db:3307", [{"host": "db", "port": 3307}]),
        ("::1", [{"host": "::1"}]),
        (
            ("one", "two:1", "[::1]:2"),
            [{"host": "one"}, {"host": "two", "port": 1}, {"host": "::1", "port": 2}],
        ),
    ],
)
def test_hosts_of_a_url(
    hosts: str | tuple[str, ...] | None, options: list[Mapping[str, str | int]]
) -> None:
    """Each with its port, or with that of the URL."""
    assert hosts_of(hosts) == options
