"""Every exception that an application may meet; a client's mistakes are marshmallow's errors.

The tree::

    GluuChangesError
    ├── ConfigurationError        the operator's mistake, raised at start
    └── BackendError
        ├── BackendUnavailable    temporary, answered 503
        └── BackendRefused        lasts until an operator acts, answered 500
"""

from __future__ import annotations

import ssl

from click import ClickException


class GluuChangesError(Exception):
    """The base class of all exceptions that this package raises on purpose."""


class ConfigurationError(GluuChangesError, ClickException):
    """A setting is missing, unknown or contradictory; the application must not start.

    It is one of click's exceptions, too: raised while the command `flask` makes the application, it
    is shown as the sentence that it is, and not as a traceback.
    """


class BackendError(GluuChangesError):
    """The store of people failed; its text is for the log.

    Attributes:
        public: The text that a client may read.
    """

    public = "The user store could not answer."

    def __init__(self, message: str, *, public: str | None = None) -> None:
        super().__init__(message)
        self.public = public or self.public


class BackendUnavailable(BackendError):
    """The store is unreachable, busy or too slow; a later request may be answered.

    Attributes:
        retry_after: When a client should try again, in seconds.
    """

    public = "The user store is not available at the moment. Try again later."

    def __init__(self, message: str, *, public: str | None = None, retry_after: int = 5) -> None:
        super().__init__(message, public=public)
        self.retry_after = retry_after


class BackendRefused(BackendError):
    """The store refuses to return the complete answer until its operator changes something."""

    public = "The user store refused the request. Its operator finds the reason in the log."


def cause_of(error: BaseException) -> str:
    """Name an exception, and say what the system or TLS said when it caused it.

    No text of the other side is in it, and nothing that was sent.
    """
    kind, root = type(error).__name__, _root(error)
    said = root.strerror if isinstance(root, OSError) else None
    if isinstance(root, ssl.SSLCertVerificationError):
        said = f"the certificate is not trusted: {root.verify_message}"
    return f"{kind}: {said}" if said else kind


def _root(error: BaseException) -> BaseException:
    # the pool of httpcore raises its errors `from None`, which leaves the context alone
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error
