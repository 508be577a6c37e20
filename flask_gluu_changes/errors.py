"""Every exception of this package, in one small tree. A client's mistakes are marshmallow's.

GluuChangesError
├── ConfigurationError        the operator's mistake, raised at start
└── BackendError
    ├── BackendUnavailable    may pass by itself, answered 503
    └── BackendRefused        stays until an operator acts, answered 500
"""

from __future__ import annotations


class GluuChangesError(Exception):
    """The root: catch it to catch all that this package raises on purpose."""


class ConfigurationError(GluuChangesError):
    """A setting is missing, unknown or contradictory; the application must not start."""


class BackendError(GluuChangesError):
    """The store of people failed; `public` is what a client may read, `str()` is for the log."""

    public = "The user store could not answer."

    def __init__(self, message: str, *, public: str | None = None) -> None:
        super().__init__(message)
        self.public = public or self.public


class BackendUnavailable(BackendError):
    """The store is unreachable, busy or too slow; `retry_after` is in seconds."""

    public = "The user store is not available at the moment. Try again later."

    def __init__(self, message: str, *, public: str | None = None, retry_after: int = 5) -> None:
        super().__init__(message, public=public)
        self.retry_after = retry_after


class BackendRefused(BackendError):
    """The store refuses to give the whole answer until its operator changes something."""

    public = "The user store refused the request. Its operator finds the reason in the log."
