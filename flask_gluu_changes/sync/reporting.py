"""Tells whoever operates a job how each run went: on the terminal, in a report, as metrics."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TextIO

import click

from ..client.urls import parsed_url, public_name
from ..errors import GluuChangesError
from .errors import Locked, SyncError, exit_code_of
from .exit_codes import ExitCode
from .files import replace_file
from .metrics_file import write_metrics
from .operator_options import OperatorOptions
from .outcome import Outcome
from .progress import Progress
from .report import Report
from .run import Nobody, Watcher


@dataclass(slots=True)
class Run:
    """A run that is watched.

    Attributes:
        watcher: Who is told how far it is.
        outcome: Where the numbers are put, also those of a run that fails.
        exit_code: How it ends, unless it fails.
    """

    watcher: Watcher
    outcome: Outcome
    exit_code: ExitCode = ExitCode.DONE


class RunReporter:
    """Watches the runs of a command.

    Example:
        One run; a failure is reported, and goes on to the caller::

            reporter = RunReporter(options, "pull", url)
            with reporter.run() as run:
                job.run(run.outcome, watcher=run.watcher)
    """

    def __init__(
        self, options: OperatorOptions, command: str, url: str, *, file: TextIO | None = None
    ) -> None:
        """Prepare it; nothing is written yet.

        Args:
            options: What the operator wants to be told.
            command: The command that runs, such as `pull`.
            url: The URL that it reads.
            file: Where lines and progress go; standard error by default, for data may go to
                standard output.
        """
        self._options = options
        self._command = command
        self._url = public_name(parsed_url(url, "the operation's URL"))
        self._file = file or sys.stderr

    @contextmanager
    def run(self, *, says_little: bool = False) -> Iterator[Run]:
        """Watch a run, and report it when it has ended, well or not.

        Args:
            says_little: Whether a run that changed nobody gets no line.

        Raises:
            SyncError: The report or the metrics cannot be written.
        """
        began, outcome = monotonic(), Outcome()
        try:
            with self._watching() as watcher:
                run = Run(watcher, outcome)
                yield run
        except Locked:  # the run that holds the state reports its own end
            raise
        except Exception as error:
            self._report_failure(error, outcome, monotonic() - began)
            raise
        report = self._report(outcome, run.exit_code, "", monotonic() - began)
        self._write(report)
        if not self._is_silent(report, says_little=says_little):
            click.echo(report.line(), file=self._file)

    def _report(self, outcome: Outcome, code: ExitCode, message: str, seconds: float) -> Report:
        return Report(self._command, self._url, outcome, code, message, seconds)

    def _report_failure(self, error: Exception, outcome: Outcome, seconds: float) -> None:
        """Report a failure; where that fails as well, the first one is what counts."""
        told = isinstance(error, GluuChangesError)
        message = str(error) if told else type(error).__name__  # others may name people
        try:
            self._write(self._report(outcome, exit_code_of(error), message, seconds))
        except SyncError as second:
            click.echo(f"gluu-changes: {second}", file=self._file)

    def _write(self, report: Report) -> None:
        if self._options.report is not None:
            replace_file(self._options.report, report.to_json())
        if self._options.metrics_file is not None and not report.outcome.dry_run:
            write_metrics(self._options.metrics_file, report, datetime.now(UTC))

    def _is_silent(self, report: Report, *, says_little: bool) -> bool:
        if report.exit_code is ExitCode.REFUSED:
            return False
        return self._options.quiet or (says_little and not report.outcome.is_change)

    @contextmanager
    def _watching(self) -> Iterator[Watcher]:
        if self._options.quiet or not self._file.isatty():
            yield Nobody()
            return
        with Progress(self._file) as progress:
            yield progress
