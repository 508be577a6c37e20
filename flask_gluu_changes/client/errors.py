"""What a consumer has to expect."""

from __future__ import annotations

from ..errors import GluuChangesError


class ChangesError(GluuChangesError):
    """The changes cannot be read; the token is kept as it was."""


class ChangesUnavailable(ChangesError):
    """The server could not be reached or was busy, also after all repetitions."""


class ChangesRefused(ChangesError):
    """The server refuses the request, so that repeating it is of no use.

    Attributes:
        status: The HTTP status of the answer.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class TokenExpired(ChangesError):
    """The server cannot say what came since the token; used within this package only."""
