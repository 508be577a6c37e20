"""What a consumer has to expect."""

from __future__ import annotations

from ..errors import ConfigurationError, GluuChangesError


class ChangesError(GluuChangesError):
    """The changes cannot be read; the token is kept as it was."""


class ChangesUnavailable(ChangesError):
    """The server could not be reached, was busy or answered nonsense, also after all repetitions.

    Attributes:
        retry_after: When the server wants to be asked again, in seconds; None if it does not say.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ChangesRefused(ChangesError):
    """The server refuses the request, so that repeating it is of no use.

    Attributes:
        status: The HTTP status of the answer.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class ChangesMisconfigured(ChangesError, ConfigurationError):
    """The client was given a URL that it must not use; its operator must give another one."""


class TokenExpired(ChangesError):
    """The server cannot say what came since the token; used within this package only."""
