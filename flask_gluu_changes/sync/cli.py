"""The command `gluu-changes`; what a command needs is imported when it runs."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from ..errors import GluuChangesError
from .exit_codes import ExitCode
from .operator_options import operator_options
from .server_options import ServerOptions, server_options
from .target_options import StateOptions, run_options, state_options, target_options

if TYPE_CHECKING:
    from .commands import Options

GARBAGE = (20_000, 20, 100)
"""Thresholds of Python's collector: pages are many objects, and hold no circles."""

URL = "https://idp.example.org/identity/restv1/scim/UpdatedUsers"
"""An example."""

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=CONTEXT)
@click.version_option(package_name="flask-gluu-changes")
def cli() -> None:
    """Keep a copy of everybody in step with a server that tells changes."""


def _all_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command all options of a job, which it gets as one argument `options`."""

    @wraps(command)
    def wrapped(**given: Any) -> Any:
        from .commands import Options

        options = Options(**{name: given.pop(name) for name in Options._fields})
        return command(options=options, **given)

    decorated: Callable[..., Any] = wrapped
    for group in (operator_options, run_options, target_options, state_options, server_options):
        decorated = group(decorated)
    return decorated


@cli.command(epilog=f"Example: gluu-changes pull {URL} --into sqlite:///people.db")
@_all_options
@click.option("--full", is_flag=True, help="Read everybody again.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
def pull(options: Options, full: bool, dry_run: bool) -> None:
    """Apply what changed since the last run, once to the end."""
    from .commands import pull as run

    raise SystemExit(run(options, full=full, is_dry=dry_run))


@cli.command(epilog=f"Example: gluu-changes follow {URL} --into sqlite:///people.db")
@_all_options
@click.option(
    "--wait",
    type=click.IntRange(0, 600),
    default=30,
    metavar="SECONDS",
    show_default=True,
    help="Let the server wait so long for a change.",
)
def follow(options: Options, wait: int) -> None:
    """Apply changes as they come, for ever; outages are waited for."""
    from .commands import follow as run

    raise SystemExit(run(options, wait=wait))


@cli.command(epilog=f"Example: gluu-changes verify {URL} --into sqlite:///people.db")
@_all_options
@click.option("--repair", is_flag=True, help="Correct what differs, within the brake.")
def verify(options: Options, repair: bool) -> None:
    """Compare what was applied with what the server has now."""
    from .verify import verify as run

    raise SystemExit(run(options, repair=repair))


@cli.command(epilog=f"Example: gluu-changes status {URL} --into sqlite:///people.db")
@server_options
@state_options
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, with all records.")
def status(server: ServerOptions, place: StateOptions, as_json: bool) -> None:
    """Say how the server's journal is, and where this job is."""
    from .status import status as run

    raise SystemExit(run(server, place, as_json=as_json))


def main() -> None:
    """Run the command; an error is one sentence on standard error, and an exit code."""
    gc.set_threshold(*GARBAGE)
    try:
        cli(prog_name="gluu-changes", standalone_mode=False)
    except GluuChangesError as error:  # some are click's as well, which has no codes for them
        from .errors import exit_code_of

        click.echo(f"gluu-changes: {error}", err=True)
        raise SystemExit(exit_code_of(error)) from None
    except click.ClickException as error:
        error.show()
        raise SystemExit(ExitCode.USAGE) from None
    except ImportError as error:
        if error.name != "sqlalchemy":
            raise
        click.echo("gluu-changes: pip install 'flask-gluu-changes[client]'", err=True)
        raise SystemExit(ExitCode.USAGE) from None
    except (click.Abort, KeyboardInterrupt):
        raise SystemExit(ExitCode.FAILURE) from None


if __name__ == "__main__":
    main()
