"""How a consumer proves who it is: OAuth client credentials, and UMA 2.0."""

from __future__ import annotations

import re
from collections.abc import Generator
from time import monotonic
from urllib.parse import quote_plus

import httpx

from .errors import ChangesRefused, ChangesUnavailable

EARLY_SECONDS = 10.0
"""A token is replaced so long before it expires."""

DEFAULT_LIFETIME = 60
"""Seconds, where the authorization server does not say how long a token lives."""

UMA_TICKET = "urn:ietf:params:oauth:grant-type:uma-ticket"

_TICKET = re.compile(r'\bUMA\b.*?\bticket="?([^",\s]+)', re.IGNORECASE | re.DOTALL)

_Flow = Generator[httpx.Request, httpx.Response, None]


class _Bearer(httpx.Auth):
    """Sends a token, and gets another one when it is refused; one consumer, one instance."""

    requires_response_body = True

    def __init__(self, token_endpoint: str, client_id: str, client_secret: str) -> None:
        self._endpoint = token_endpoint
        self._client = (quote_plus(client_id), quote_plus(client_secret))  # RFC 6749, 2.3.1
        self._token = ""
        self._until = 0.0

    def _request_token(self, form: dict[str, str]) -> _Flow:
        request = httpx.Request("POST", self._endpoint, data=form)
        basic = httpx.BasicAuth(*self._client)
        response = yield next(basic.auth_flow(request))
        status = response.status_code
        if status >= 500:
            raise ChangesUnavailable(f"the authorization server answered {status}")
        if status != 200:
            raise ChangesRefused(f"the authorization server gave no token: {status}", status)
        granted = response.json()
        lifetime = float(granted.get("expires_in", DEFAULT_LIFETIME))
        self._token = str(granted["access_token"])
        self._until = monotonic() + lifetime - EARLY_SECONDS

    def _with_token(self, request: httpx.Request) -> httpx.Request:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class ClientCredentials(_Bearer):
    """OAuth 2's client_credentials (RFC 6749, section 4.4), with the secret as Basic."""

    def __init__(
        self, token_endpoint: str, client_id: str, client_secret: str, *, scope: str = ""
    ) -> None:
        """Prepare the authentication of an `httpx.Client`; nothing is requested yet.

        Args:
            token_endpoint: The authorization server's token endpoint, an https URL.
            client_id: The name of the client at the authorization server.
            client_secret: The secret of the client.
            scope: The scopes to ask for, with blanks between several.
        """
        super().__init__(token_endpoint, client_id, client_secret)
        self._form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}

    def auth_flow(self, request: httpx.Request) -> _Flow:
        """Get a token where none is valid, and once more after a 401."""
        if not self._token or monotonic() > self._until:
            yield from self._request_token(self._form)
        response = yield self._with_token(request)
        if response.status_code == 401:
            yield from self._request_token(self._form)
            yield self._with_token(request)


class Uma(_Bearer):
    """UMA 2.0 as Gluu has it: the ticket of a 401 is exchanged for a requesting party token."""

    def __init__(self, token_endpoint: str, client_id: str, client_secret: str) -> None:
        """Prepare the authentication of an `httpx.Client`; nothing is requested yet.

        Args:
            token_endpoint: The token endpoint of the authorization server that is trusted, whatever
                the challenge names.
            client_id: The name of the client at the authorization server.
            client_secret: The secret of the client.
        """
        super().__init__(token_endpoint, client_id, client_secret)

    def auth_flow(self, request: httpx.Request) -> _Flow:
        """Request with the token that there is, and with a new one where a ticket comes back."""
        response = yield self._with_token(request) if self._token else request
        ticket = _TICKET.search(", ".join(response.headers.get_list("WWW-Authenticate")))
        if response.status_code == 401 and ticket is not None:
            yield from self._request_token({"grant_type": UMA_TICKET, "ticket": ticket[1]})
            yield self._with_token(request)
