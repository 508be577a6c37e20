"""`livez` and `readyz`: what an orchestrator asks, and everybody may."""

from __future__ import annotations

from flask import Response, jsonify

from ..observe.health import Readiness

ALIVE, READY = "livez", "readyz"
"""Are appended to the operation's path, and name their endpoints."""


class HealthEndpoints:
    """Says whether this process answers, and whether what it would answer is fresh."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    def livez(self) -> Response:
        """Answer: a process that does needs no restart, whatever its store does."""
        return _not_stored(jsonify(status="alive"))

    def readyz(self) -> Response:
        """Answer 200 where the operation is ready, else 503 with the name of the failed check."""
        failed = self._readiness.health().failed
        response = jsonify(status="not ready", failed=failed) if failed else jsonify(status="ready")
        response.status_code = 503 if failed else 200
        return _not_stored(response)


def _not_stored(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
