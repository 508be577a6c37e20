"""What ends a run; each knows its exit code."""

from __future__ import annotations

from ..client import ChangesMisconfigured, ChangesRefused, ChangesUnavailable
from ..errors import ConfigurationError, GluuChangesError
from .exit_codes import ExitCode


class SyncError(GluuChangesError):
    """A run ended before its end; the position stays where it was."""

    exit_code = ExitCode.FAILURE


class Braked(SyncError):
    """Too many people would be removed at once."""

    exit_code = ExitCode.BRAKE


class HookFailed(SyncError):
    """A command that was given a batch ended with an error."""

    exit_code = ExitCode.HOOK_FAILED


class Locked(SyncError):
    """Another run holds the state."""

    exit_code = ExitCode.LOCKED


class SinkUnavailable(SyncError):
    """A target cannot be reached, or takes nothing at the moment."""

    exit_code = ExitCode.UNAVAILABLE


class RecordRefused(SyncError):
    """A target does not take something of a batch, now or later; its text names no value."""

    exit_code = ExitCode.REFUSED


class TargetRefuses(SyncError):
    """A target refuses records, and the run ends because of them."""

    exit_code = ExitCode.REFUSED


_CODES: tuple[tuple[type[Exception], ExitCode], ...] = (
    (ChangesMisconfigured, ExitCode.USAGE),
    (ConfigurationError, ExitCode.USAGE),
    (ChangesRefused, ExitCode.REFUSED),
    (ChangesUnavailable, ExitCode.UNAVAILABLE),
)


def exit_code_of(error: Exception) -> ExitCode:
    """Return the exit code of an error."""
    if isinstance(error, SyncError):
        return error.exit_code
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.FAILURE)
