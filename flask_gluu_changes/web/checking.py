"""The check of a request by its guard; why it was refused is noted for the operator."""

from __future__ import annotations

from collections.abc import Iterable

from werkzeug.exceptions import HTTPException

from ..observe.observation import observed
from ..protection import Guard


def check(guard: Guard, scopes: Iterable[str] | None = None) -> None:
    """Let the current request pass, or raise the guard's answer.

    scopes: what is needed; None: what is configured.
    """
    try:
        guard.check(scopes)
    except HTTPException as error:
        # noted here: Flask makes another response of the one that an exception holds
        observed().note_refused(getattr(error.response, "reason", ""))
        raise
