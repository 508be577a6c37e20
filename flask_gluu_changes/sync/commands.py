"""What the commands of `gluu-changes` do."""

from __future__ import annotations

from .exit_codes import ExitCode
from .job import opened_job, rules_of
from .outcome import Outcome
from .server_options import ServerOptions
from .target_options import RunOptions, StateOptions, TargetOptions


def pull(
    server: ServerOptions,
    place: StateOptions,
    target: TargetOptions,
    rules: RunOptions,
    *,
    full: bool,
    is_dry: bool,
) -> ExitCode:
    """Apply what changed since the last run; return how it ended."""
    outcome = Outcome(dry_run=is_dry)
    with opened_job(server, place, target, rules_of(rules), is_dry=is_dry) as job:
        job.run(outcome, full=full)
    return ExitCode.REFUSED if outcome.set_aside else ExitCode.DONE
