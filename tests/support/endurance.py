"""Torture, seen by a consumer who follows the feed over HTTP all the while."""

from __future__ import annotations

import json
from typing import Any

from .consumers import Consumer
from .nodes import Node
from .torture import Torture


def endure(torture: Torture, *, kills: int, restarts: int, seconds: float) -> None:
    """Break everything, the web server once; at rest the replica must be the directory."""
    try:
        with Node(torture.environment()) as node, Consumer(node.port) as consumer:
            torture.run(kills=kills, restarts=restarts, seconds=seconds, halfway=node.restart)
            assert consumer.applied > kills
            assert consumer.people() == everybody(torture)
        assert torture.wrongly_deleted() == set()
    finally:
        torture.end()


def everybody(torture: Torture) -> dict[str, dict[str, list[Any]]]:
    """Read the directory as clients should see it."""
    return {inum: json.loads(body) for inum, body in torture.dump().items()}
