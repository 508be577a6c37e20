"""How a consumer proves who it is: OAuth client credentials, and UMA 2.0."""

from __future__ import annotations

import re
from collections.abc import Generator
from time import monotonic
from urllib.parse import quote_plus

import httpx

from .errors import ChangesRefused, ChangesUnavailable

EARLY_SECONDS = 10.0
UMA_TICKET = "urn:ietf:params:oauth:grant-type:uma-ticket"

_TICKET = re.compile(r'\bUMA\b.*?\bticket="?([^",\s]+)', re.IGNORECASE | re.DOTALL)

Flow = Generator[httpx.Request, httpx.Response, None]


class _Bearer(httpx.Auth):
    """Brings a token, and gets another one when it is refused; one consumer, one instance."""

    requires_response_body = True

    def __init__(self, token_endpoint: str, client_id: str, client_secret: str) -> None:
        self._endpoint = token_endpoint
        self._client = (quote_plus(client_id), quote_plus(client_secret))  # RFC 6749, 2.3.1
        self._token = ""
        self._until = 0.0

    def _grant(self, form: dict[str, str]) -> Flow:
        request = httpx.Request("POST", self._endpoint, data=form)
        basic = httpx.BasicAuth(*self._client)
        answer = yield next(basic.auth_flow(request))
        if answer.status_code >= 500:
            raise ChangesUnavailable(f"the authorization server answered {answer.status_code}")
        if answer.status_code != 200:
            status = answer.status_code
            raise ChangesRefused(f"the authorization server gave no token: {status}", status)
        granted = answer.json()
        self._token = str(granted["access_token"])
        self._until = monotonic() + float(granted.get("expires_in", 60)) - EARLY_SECONDS

    def _bring(self, request: httpx.Request) -> httpx.Request:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class ClientCredentials(_Bearer):
    """OAuth 2's client_credentials (RFC 6749, section 4.4), with the secret as Basic.

    token_endpoint: of the authorization server, over https. scope: with blanks between several.
    """

    def __init__(
        self, token_endpoint: str, client_id: str, client_secret: str, *, scope: str = ""
    ) -> None:
        super().__init__(token_endpoint, client_id, client_secret)
        self._form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Get a token where there is none that lives, and once more after a 401."""
        if not self._token or monotonic() > self._until:
            yield from self._grant(self._form)
        answer = yield self._bring(request)
        if answer.status_code == 401:
            yield from self._grant(self._form)
            yield self._bring(request)


class Uma(_Bearer):
    """UMA 2.0 as Gluu has it: the ticket of a 401 is exchanged for a requesting party token.

    token_endpoint: of the authorization server that is trusted, whatever the challenge names.
    """

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Ask with what there is, and with a new token where a ticket comes back."""
        answer = yield self._bring(request) if self._token else request
        ticket = _TICKET.search(", ".join(answer.headers.get_list("WWW-Authenticate")))
        if answer.status_code == 401 and ticket is not None:
            yield from self._grant({"grant_type": UMA_TICKET, "ticket": ticket[1]})
            yield self._bring(request)
