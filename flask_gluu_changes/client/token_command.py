"""Tokens that another program gets, such as the command line tool of a cloud or of a vault."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Generator

import httpx

from .auth import MAX_OCTETS, is_bearer_token, with_token
from .errors import ChangesMisconfigured, ChangesUnavailable
from .exchange import limit
from .urls import check_private

_Flow = Generator[httpx.Request, httpx.Response, None]


class TokenCommand(httpx.Auth):
    """Sends the token that a command prints, and runs it again when the token is refused."""

    def __init__(self, command: str, *, timeout: float = 60.0, insecure_http: bool = False) -> None:
        """Prepare the authentication of an `httpx.Client`; nothing is run yet.

        Args:
            command: A program and its arguments, in quotes where they hold blanks; no shell runs
                them. It prints a bearer token and ends with 0.
            timeout: The longest time that it may take, in seconds.
            insecure_http: Whether the token may be sent unencrypted.

        Raises:
            ChangesMisconfigured: There is no such program.
        """
        self._words = _words(command)
        self._timeout = timeout
        self._insecure_http = insecure_http
        self._token = ""

    def auth_flow(self, request: httpx.Request) -> _Flow:
        """Run the command where there is no token, and once more after a 401."""
        check_private(request.url, "the token", insecure_http=self._insecure_http)
        self._token = self._token or self._printed()
        response = yield with_token(request, self._token)
        if response.status_code == 401:
            limit(response, MAX_OCTETS)  # httpx reads it before the next request
            self._token = self._printed()
            yield with_token(request, self._token)

    def _printed(self) -> str:
        """Return the token; what else the command says is not repeated, for it may hold secrets."""
        name = self._words[0]
        try:
            done = subprocess.run(  # noqa: S603 -- the operator's own command
                self._words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                timeout=self._timeout,
                check=True,
            )
        except subprocess.CalledProcessError as error:
            raise ChangesUnavailable(
                f"the token command {name} ended with {error.returncode}"
            ) from None
        except (OSError, subprocess.TimeoutExpired) as error:
            kind = type(error).__name__
            raise ChangesUnavailable(f"the token command {name} failed: {kind}") from None
        token = done.stdout.decode("ascii", "replace").strip()
        if not is_bearer_token(token):
            raise ChangesUnavailable(f"the token command {name} printed no bearer token")
        return token


def _words(command: str) -> list[str]:
    """Split a command; raise ChangesMisconfigured where it names no program that can be run."""
    try:
        words = shlex.split(command)
    except ValueError:
        raise ChangesMisconfigured("the token command has a quote that does not end") from None
    if not words:
        raise ChangesMisconfigured("the token command is empty")
    if shutil.which(words[0]) is None:
        raise ChangesMisconfigured(f"the token command names no program: {words[0]}")
    return words
