"""A command that gets each batch on its standard input, and a time for it."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from ..client import Change
from ..errors import ConfigurationError
from .errors import HookFailed, RecordRefused, SinkUnavailable
from .formats import Ndjson

REFUSES = 65
"""What a command ends with that refuses a record of its batch (EX_DATAERR of sysexits.h)."""

TIMEOUT = 600.0
"""Seconds for a batch, which has at most a thousand changes."""

GRACE = 5.0
"""Seconds from SIGTERM to SIGKILL."""


class CommandSink:
    """Runs a command for each batch; what it prints goes to standard error."""

    def __init__(self, command: str, timeout: float = TIMEOUT) -> None:
        """Prepare the command, which is split into words as a shell does.

        Args:
            command: A program with its arguments.
            timeout: The longest time for a batch, in seconds.

        Raises:
            ConfigurationError: There is no such program.
        """
        self._timeout = timeout
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise ConfigurationError(f"--exec cannot be read: {error}") from error
        if not self._words or shutil.which(self._words[0]) is None:
            raise ConfigurationError(f"--exec names no program that can be run: {command!r}")

    def apply(self, changes: Sequence[Change]) -> None:
        """Give changes to the command, and wait for its end."""
        lines, name = Ndjson().encode(changes), self._words[0]
        try:
            code = self._run(lines)
        except OSError as error:
            raise SinkUnavailable(f"{name} cannot be run: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise HookFailed(
                f"{name} did not end within {self._timeout:g} s and was ended (--exec-timeout); its"
                " batch comes again"
            ) from error
        if code == REFUSES:
            raise RecordRefused(f"{name} refuses it, with exit code {REFUSES}")
        if code:
            raise HookFailed(f"{name} failed with exit code {code}; its batch comes again")

    def _run(self, lines: bytes) -> int:
        """Run it in a process group of its own, of which nothing is left where it is ended."""
        with subprocess.Popen(  # noqa: S603 -- the operator's own command
            self._words, stdin=subprocess.PIPE, stdout=sys.stderr, start_new_session=True
        ) as process:
            try:
                process.communicate(lines, timeout=self._timeout)
            except BaseException:  # also where this process itself is ended
                _end_group(process)
                raise
            return process.returncode

    def close(self) -> None:
        """Do nothing: each batch has a process of its own."""


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a command and all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
