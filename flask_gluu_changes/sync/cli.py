"""The command `gluu-changes`; what a command needs is imported when it runs."""

from __future__ import annotations

import click

from ..errors import GluuChangesError
from .exit_codes import ExitCode
from .operator_options import OperatorOptions, operator_options
from .server_options import ServerOptions, server_options
from .target_options import (
    RunOptions,
    StateOptions,
    TargetOptions,
    run_options,
    state_options,
    target_options,
)

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=CONTEXT)
@click.version_option(package_name="flask-gluu-changes")
def cli() -> None:
    """Keep a copy of everybody in step with a server that tells changes."""


@cli.command()
@server_options
@state_options
@target_options
@run_options
@operator_options
@click.option("--full", is_flag=True, help="Read everybody again.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
def pull(
    server: ServerOptions,
    place: StateOptions,
    target: TargetOptions,
    rules: RunOptions,
    operator: OperatorOptions,
    full: bool,
    dry_run: bool,
) -> None:
    r"""Apply what changed since the last run, once to the end.

    \b
    Example:
      gluu-changes pull https://idp.example.org/… --into sqlite:///people.db
    """
    from .commands import pull as run

    raise SystemExit(run(server, place, target, rules, operator, full=full, is_dry=dry_run))


def main() -> None:
    """Run the command; an error is one sentence on standard error, and an exit code."""
    try:
        cli(prog_name="gluu-changes")
    except GluuChangesError as error:
        from .errors import exit_code_of

        click.echo(f"gluu-changes: {error}", err=True)
        raise SystemExit(exit_code_of(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(ExitCode.FAILURE) from None


if __name__ == "__main__":
    main()
