"""What the commands of `gluu-changes` do."""

from __future__ import annotations

from .exit_codes import ExitCode
from .job import opened_job, rules_of
from .operator_options import OperatorOptions
from .reporting import RunReporter
from .server_options import ServerOptions
from .target_options import RunOptions, StateOptions, TargetOptions


def pull(
    server: ServerOptions,
    place: StateOptions,
    target: TargetOptions,
    rules: RunOptions,
    operator: OperatorOptions,
    *,
    full: bool,
    is_dry: bool,
) -> ExitCode:
    """Apply what changed since the last run; return how it ended."""
    with RunReporter(operator, "pull", server.url).run() as run:
        run.outcome.dry_run = is_dry
        with opened_job(server, place, target, rules_of(rules), is_dry=is_dry) as job:
            job.run(run.outcome, full=full, watcher=run.watcher)
        run.exit_code = ExitCode.REFUSED if run.outcome.set_aside else ExitCode.DONE
    return run.exit_code
