"""The options that say which server to read, and who reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from .durations import duration
from .option_groups import option_group

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Which server to read, and how.

    Attributes:
        url: The URL of the operation.
        token_endpoint: The authorization server's token endpoint; empty where no token is needed.
        client_id: The name of this client there.
        client_secret_file: The file that holds its secret.
        client_key: The file that holds its private key, in place of a secret.
        scope: The scopes to ask for.
        uma: Whether to exchange the server's tickets for tokens.
        token_command: A command that prints a token.
        insecure_http: Whether people and secrets may cross a network unencrypted.
        tokens: Whether to follow by delta tokens: `auto`, `always` or `never`.
        full_every: Without tokens, the seconds from one reading of everybody to the next.
        overlap: Without tokens, the seconds that each run goes back.
        count: The highest number of people on a page.
    """

    url: str
    token_endpoint: str = ""
    client_id: str = ""
    client_secret_file: Path | None = None
    client_key: Path | None = None
    scope: str = ""
    uma: bool = False
    token_command: str = ""
    insecure_http: bool = False
    tokens: str = "auto"
    full_every: float = 86_400.0
    overlap: float = 300.0
    count: int = 200


server_options = option_group(
    "server",
    ServerOptions,
    [
        click.argument("url", envvar="GLUU_SYNC_URL"),
        click.option(
            "--token-endpoint",
            metavar="URL",
            default="",
            envvar="GLUU_SYNC_TOKEN_ENDPOINT",
            help="Where the authorization server gives tokens.",
        ),
        click.option(
            "--client-id",
            metavar="NAME",
            default="",
            envvar="GLUU_SYNC_CLIENT_ID",
            help="The name of this client there.",
        ),
        click.option(
            "--client-secret-file",
            type=FILE,
            metavar="FILE",
            envvar="GLUU_SYNC_CLIENT_SECRET_FILE",
            help="Holds its secret, unless a variable does.",
        ),
        click.option(
            "--client-key",
            type=FILE,
            metavar="FILE",
            envvar="GLUU_SYNC_CLIENT_KEY",
            help="Its private key, in place of a secret.",
        ),
        click.option(
            "--scope",
            metavar="NAMES",
            default="",
            envvar="GLUU_SYNC_SCOPE",
            help="The scopes to ask for.",
        ),
        click.option("--uma", is_flag=True, help="Exchange UMA tickets for tokens."),
        click.option(
            "--token-command",
            metavar="COMMAND",
            default="",
            envvar="GLUU_SYNC_TOKEN_COMMAND",
            help="Prints a token, in place of all that.",
        ),
        click.option("--insecure-http", is_flag=True, help="Allow plain http to another machine."),
        click.option(
            "--tokens",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            help="By tokens or time stamps; auto asks.",
        ),
        click.option(
            "--full-every",
            type=duration,
            default="1d",
            metavar="TIME",
            help="By time stamps: read everybody so often; 1d.",
        ),
        click.option(
            "--overlap",
            type=duration,
            default="5m",
            metavar="TIME",
            help="By time stamps: go back so far; 5m.",
        ),
        click.option(
            "--count",
            type=click.IntRange(2, 100_000),
            default=200,
            metavar="NUMBER",
            help="People on a page; 200.",
        ),
    ],
)
