"""A command that gets each batch on its standard input."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence

from ..client import Change
from ..errors import ConfigurationError
from .errors import HookFailed, RecordRefused, SinkUnavailable
from .formats import Ndjson

REFUSES = 65
"""What a command ends with that refuses a record of its batch (EX_DATAERR of sysexits.h)."""


class CommandSink:
    """Runs a command for each batch; what it prints goes to standard error."""

    def __init__(self, command: str) -> None:
        """Prepare the command, which is split into words as a shell does.

        Args:
            command: A program with its arguments.

        Raises:
            ConfigurationError: There is no such program.
        """
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise ConfigurationError(f"--exec cannot be read: {error}") from error
        if not self._words or shutil.which(self._words[0]) is None:
            raise ConfigurationError(f"--exec names no program that can be run: {command!r}")

    def apply(self, changes: Sequence[Change]) -> None:
        """Give changes to the command, and wait for its end."""
        lines = Ndjson().encode(changes)
        try:
            done = subprocess.run(  # noqa: S603 -- the operator's own command
                self._words, input=lines, stdout=sys.stderr, check=False
            )
        except OSError as error:
            raise SinkUnavailable(f"{self._words[0]} cannot be run: {error.strerror}") from error
        if done.returncode == REFUSES:
            raise RecordRefused(f"{self._words[0]} refuses it, with exit code {REFUSES}")
        if done.returncode:
            raise HookFailed(
                f"{self._words[0]} failed with exit code {done.returncode}; its batch comes again"
            )

    def close(self) -> None:
        """Do nothing: each batch has a process of its own."""
