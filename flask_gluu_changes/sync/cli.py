"""The command `gluu-changes`; what a command needs is imported when it runs."""

from __future__ import annotations

import click

from ..errors import GluuChangesError
from .exit_codes import ExitCode

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=CONTEXT)
@click.version_option(package_name="flask-gluu-changes")
def cli() -> None:
    """Keep a copy of everybody in step with a server that tells changes."""


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
