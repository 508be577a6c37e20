"""What the commands of `gluu-changes` do; each returns its exit code."""

from __future__ import annotations

import signal
import time
from typing import NamedTuple

import click

from ..client import ChangesUnavailable
from .errors import Locked, SinkUnavailable
from .exit_codes import ExitCode
from .job import opened_job, rules_of
from .operator_options import OperatorOptions
from .outcome import Outcome
from .reporting import RunReporter
from .run import Job
from .server_options import ServerOptions
from .target_options import RunOptions, StateOptions, TargetOptions

INTERVAL = 5.0
"""Seconds from one run of `follow` to the next where nothing new came."""

LONGEST_PAUSE = 60.0
"""Seconds between two tries of `follow` while something cannot be reached."""


class Options(NamedTuple):
    """What all commands that apply changes are told."""

    server: ServerOptions
    place: StateOptions
    target: TargetOptions
    rules: RunOptions
    operator: OperatorOptions


def pull(options: Options, *, full: bool, is_dry: bool) -> ExitCode:
    """Apply what changed since the last run."""
    signal.signal(signal.SIGTERM, _break_off)
    reporter = RunReporter(options.operator, "pull", options.server.url)
    with reporter.run() as run:
        run.outcome.dry_run = is_dry
        with opened_job(*options[:3], rules_of(options.rules), is_dry=is_dry) as job:
            job.run(run.outcome, full=full, watcher=run.watcher)
        run.exit_code = _code(run.outcome)
    return run.exit_code


def follow(options: Options, *, wait: int) -> ExitCode:
    """Apply changes as they come, until the process is told to end; outages are waited for."""
    signal.signal(signal.SIGTERM, _end)
    reporter = RunReporter(options.operator, "follow", options.server.url)
    failures = 0
    passing: tuple[type[Exception], ...] = (ChangesUnavailable, SinkUnavailable)
    while True:
        try:
            with opened_job(*options[:3], rules_of(options.rules)) as job:
                passing = (ChangesUnavailable, SinkUnavailable, Locked)  # by its lost session
                while True:
                    _follow_once(reporter, job, 0 if failures else wait)
                    failures = 0
        except passing as error:
            click.echo(f"gluu-changes: {error}; it is tried again", err=True)
            time.sleep(min(2.0**failures, LONGEST_PAUSE))
            failures = min(failures + 1, 10)


def _follow_once(reporter: RunReporter, job: Job, wait: int) -> None:
    """Run once, and pause where nothing came: not every server waits for a change."""
    began = time.monotonic()
    with reporter.run(says_little=True) as run:
        job.run(run.outcome, wait=wait, watcher=run.watcher)
        run.exit_code = _code(run.outcome)
    if not run.outcome.is_change:
        time.sleep(max(0.0, began + INTERVAL - time.monotonic()))


def _code(outcome: Outcome) -> ExitCode:
    return ExitCode.REFUSED if outcome.set_aside else ExitCode.DONE


def _end(*_: object) -> None:
    raise SystemExit(ExitCode.DONE)


def _break_off(number: int, _: object) -> None:
    """End as a signal does, but so that the command of `--exec` ends as well."""
    raise SystemExit(128 + number)
