"""Who the job is: its secrets come from files, the environment or systemd, never from arguments.

Arguments can be seen by all users of a machine, and stay in the history of a shell.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import httpx

from ..client import ChangesMisconfigured, ClientCredentials, PrivateKey, TokenCommand, Uma
from ..client.urls import check_private, parsed_url
from .server_options import ServerOptions

SECRET = "GLUU_SYNC_CLIENT_SECRET"  # noqa: S105 -- the name of a variable
"""The environment variable that may hold the client's secret."""

CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""The variable in which systemd names the folder of a service's credentials."""

SECRET_CREDENTIAL, KEY_CREDENTIAL = "client-secret", "client-key"

LONGEST_SECRET = 10_000
"""Octets."""


def checked_server(options: ServerOptions) -> None:
    """Refuse a URL that gives people or a secret away.

    Raises:
        ChangesMisconfigured: It has a password in it, or others on the network could read people.
    """
    url = parsed_url(options.url, "the operation's URL")
    if url.userinfo:
        raise ChangesMisconfigured(
            "the URL holds a password, which others can see in a list of processes; use a file"
        )
    try:
        check_private(url, "people", insecure_http=options.insecure_http)
    except ChangesMisconfigured as error:
        is_plain = url.scheme == "http" and url.host
        advice = ", or --insecure-http if nobody can listen there" if is_plain else ""
        raise ChangesMisconfigured(f"{error}{advice}") from None


def authentication(
    options: ServerOptions, environment: Mapping[str, str] = os.environ
) -> httpx.Auth | None:
    """Return how to prove who this client is; None where the server asks for no token.

    Args:
        options: What the command line says.
        environment: Variables, of which one may hold the secret and one names systemd's folder.

    Raises:
        ChangesMisconfigured: Something is missing, cannot be read, or contradicts the rest.
    """
    wants_client = bool(options.token_endpoint or options.client_id or options.uma)
    if options.token_command:
        _check(not wants_client, "--token-command replaces the options of a client; leave them out")
        return TokenCommand(options.token_command, insecure_http=options.insecure_http)
    if not wants_client:
        has_secret = options.client_secret_file or options.client_key or options.scope
        _check(not has_secret, "--token-endpoint and --client-id are missing")
        return None
    _check(bool(options.token_endpoint), "--token-endpoint is missing")
    _check(bool(options.client_id), "--client-id is missing")
    return _client(options, _proof(options, environment))


def _client(options: ServerOptions, proof: str | PrivateKey) -> httpx.Auth:
    who = (options.token_endpoint, options.client_id, proof)
    if options.uma:
        _check(not options.scope, "--scope has no meaning with --uma: the ticket says what for")
        return Uma(*who, insecure_http=options.insecure_http)
    return ClientCredentials(*who, scope=options.scope, insecure_http=options.insecure_http)


def _proof(options: ServerOptions, environment: Mapping[str, str]) -> str | PrivateKey:
    """Return the secret or the key of the client: of an option, a variable, or systemd's."""
    secret, key = options.client_secret_file, options.client_key
    _check(not (secret and key), "--client-secret-file and --client-key are two proofs; give one")
    if key:
        return PrivateKey(key)
    if secret:
        return _secret_in(secret)
    if environment.get(SECRET):
        return environment[SECRET]
    return _of_systemd(environment)


def _of_systemd(environment: Mapping[str, str]) -> str | PrivateKey:
    folder = environment.get(CREDENTIALS)
    if folder and Path(folder, KEY_CREDENTIAL).is_file():
        return PrivateKey(Path(folder, KEY_CREDENTIAL))
    if folder and Path(folder, SECRET_CREDENTIAL).is_file():
        return _secret_in(Path(folder, SECRET_CREDENTIAL))
    raise ChangesMisconfigured(
        f"the client has no secret: give --client-secret-file or --client-key, the variable"
        f" {SECRET}, or systemd's credential {SECRET_CREDENTIAL}"
    )


def _secret_in(file: Path) -> str:
    """Return the secret in a file, without the end of line that editors add."""
    try:
        with file.open() as opened:
            secret = opened.read(LONGEST_SECRET).rstrip("\r\n")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ChangesMisconfigured(f"the secret in {file} cannot be read: {why}") from None
    _check(bool(secret), f"the secret in {file} is empty")
    return secret


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ChangesMisconfigured(otherwise)
