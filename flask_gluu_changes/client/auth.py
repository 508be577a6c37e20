"""How a consumer proves who it is: OAuth client credentials, and UMA 2.0."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from time import monotonic
from typing import Any
from urllib.parse import quote_plus

import httpx

from .errors import ChangesRefused, ChangesUnavailable
from .exchange import limit
from .private_key import PrivateKey
from .requester import RETRIED_STATUSES, retry_after
from .urls import check_private, parsed_url

EARLY_SECONDS = 10.0
"""A token is replaced so long before it expires, if it lives for twice as long at least."""

DEFAULT_LIFETIME, LONGEST_LIFETIME = 60, 86_400
"""Seconds: where the authorization server does not say how long a token lives, and at most."""

MAX_OCTETS = 1_000_000
"""The largest answer that is read before there is a token."""

UMA_TICKET = "urn:ietf:params:oauth:grant-type:uma-ticket"

REASONS: Mapping[str, str] = {
    "invalid_client": ", it does not accept the client's name and secret",
    "unauthorized_client": ", the client may not ask in this way",
    "unsupported_grant_type": ", it does not grant tokens in this way",
    "invalid_scope": ", the client may not have the scope",
    "access_denied": ", its policies deny it to the client",
    "request_denied": ", its policies deny it to the client",
    "need_info": ", it asks for more than the client can tell",
}
"""What error codes mean (RFC 6749, section 5.2; UMA grant, section 3.3.6)."""

_TICKET = re.compile(r'\bUMA\b.*?\bticket="?([^",\s]+)', re.IGNORECASE | re.DOTALL)
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, 2.1

_Flow = Generator[httpx.Request, httpx.Response, None]


class _Bearer(httpx.Auth):
    """Sends a token, and gets another one when it is refused; one consumer, one instance.

    Nothing is sent unencrypted but to this machine.
    """

    def __init__(
        self,
        token_endpoint: str,
        client_id: str,
        client_secret: str | PrivateKey,
        *,
        insecure_http: bool,
    ) -> None:
        self._endpoint = parsed_url(token_endpoint, "the token endpoint")
        self._insecure_http = insecure_http
        check_private(self._endpoint, "the client's secret", insecure_http=insecure_http)
        self._client_id = client_id
        self._secret = client_secret
        self._token = ""
        self._until = 0.0

    def _request_token(self, form: dict[str, str], cause: httpx.Request) -> _Flow:
        """Get a token; cause: the request that needs it, whose time-outs hold here as well."""
        response = yield self._token_request(form, cause)
        limit(response, MAX_OCTETS).read()
        granted = _granted(response)
        self._token = granted["access_token"]
        lifetime = _lifetime(granted.get("expires_in"))
        self._until = monotonic() + max(lifetime - EARLY_SECONDS, lifetime / 2)

    def _token_request(self, form: dict[str, str], cause: httpx.Request) -> httpx.Request:
        """Return a request that the client's secret or key is a proof in."""
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if isinstance(self._secret, PrivateKey):
            form = form | self._secret.proof(self._client_id, str(self._endpoint))
        request = httpx.Request(
            "POST", self._endpoint, data=form, headers=headers, extensions=cause.extensions
        )
        if isinstance(self._secret, PrivateKey):
            return request
        pair = (quote_plus(self._client_id), quote_plus(self._secret))  # RFC 6749, 2.3.1
        return next(httpx.BasicAuth(*pair).auth_flow(request))

    def _with_token(self, request: httpx.Request) -> httpx.Request:
        check_private(request.url, "the token", insecure_http=self._insecure_http)
        return with_token(request, self._token)


def with_token(request: httpx.Request, token: str) -> httpx.Request:
    """Return a request with a bearer token."""
    request.headers["Authorization"] = f"Bearer {token}"
    return request


def is_bearer_token(text: str) -> bool:
    """Return whether a text has the form of a bearer token."""
    return _TOKEN.fullmatch(text) is not None


def _granted(response: httpx.Response) -> Mapping[str, Any]:
    """Return what was granted; raise ChangesUnavailable for what may pass."""
    status = response.status_code
    if status in RETRIED_STATUSES or status >= 500:
        raise ChangesUnavailable(
            f"the authorization server answered {status}", retry_after=retry_after(response)
        )
    if status != 200:
        why = REASONS.get(_error(response), "")
        raise ChangesRefused(f"the authorization server gave no token: {status}{why}", status)
    granted = _json(response)
    if not isinstance(granted, dict) or not is_bearer_token(str(granted.get("access_token", ""))):
        raise ChangesUnavailable("the authorization server answered 200 without a token")
    if str(granted.get("token_type", "Bearer")).lower() != "bearer":
        raise ChangesRefused("the authorization server gave a token that is no bearer token", 200)
    return granted


def _error(response: httpx.Response) -> str:
    """Return the error code of a refusal (RFC 6749, section 5.2); its other texts are not told."""
    body = _json(response)
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, str) else ""


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def _lifetime(seconds: Any) -> float:
    """Return how long a token lives, whatever the authorization server says."""
    if isinstance(seconds, str) and seconds.isdecimal():
        seconds = int(seconds[:10])
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not seconds > 0:  # which nan is not
        return DEFAULT_LIFETIME
    return float(min(seconds, LONGEST_LIFETIME))


class ClientCredentials(_Bearer):
    """OAuth 2's client_credentials (RFC 6749, section 4.4), with the secret as Basic."""

    def __init__(
        self,
        token_endpoint: str,
        client_id: str,
        client_secret: str | PrivateKey,
        *,
        scope: str = "",
        insecure_http: bool = False,
    ) -> None:
        """Prepare the authentication of an `httpx.Client`; nothing is requested yet.

        Args:
            token_endpoint: The authorization server's token endpoint, an https URL.
            client_id: The name of the client at the authorization server.
            client_secret: The secret of the client, or the key that it signs with.
            scope: The scopes to ask for, with blanks between several.
            insecure_http: Whether secret and token may be sent unencrypted.

        Raises:
            ChangesMisconfigured: The secret would be sent unencrypted.
        """
        super().__init__(token_endpoint, client_id, client_secret, insecure_http=insecure_http)
        self._form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}

    def auth_flow(self, request: httpx.Request) -> _Flow:
        """Get a token where none is valid, and once more after a 401."""
        if not self._token or monotonic() > self._until:
            yield from self._request_token(self._form, request)
        response = yield self._with_token(request)
        if response.status_code == 401:
            limit(response, MAX_OCTETS)  # httpx reads it before the next request
            yield from self._request_token(self._form, request)
            yield self._with_token(request)


class Uma(_Bearer):
    """UMA 2.0 as Gluu has it: the ticket of a 401 is exchanged for a requesting party token."""

    def __init__(
        self,
        token_endpoint: str,
        client_id: str,
        client_secret: str | PrivateKey,
        *,
        insecure_http: bool = False,
    ) -> None:
        """Prepare the authentication of an `httpx.Client`; nothing is requested yet.

        Args:
            token_endpoint: The token endpoint of the authorization server that is trusted, whatever
                the challenge names.
            client_id: The name of the client at the authorization server.
            client_secret: The secret of the client, or the key that it signs with.
            insecure_http: Whether secret and token may be sent unencrypted.

        Raises:
            ChangesMisconfigured: The secret would be sent unencrypted.
        """
        super().__init__(token_endpoint, client_id, client_secret, insecure_http=insecure_http)

    def auth_flow(self, request: httpx.Request) -> _Flow:
        """Request with the token that there is, and with a new one where a ticket comes back."""
        response = yield self._with_token(request) if self._token else request
        ticket = _TICKET.search(", ".join(response.headers.get_list("WWW-Authenticate")))
        if response.status_code == 401 and ticket is not None:
            limit(response, MAX_OCTETS)  # httpx reads it before the next request
            form = {"grant_type": UMA_TICKET, "ticket": ticket[1]}
            yield from self._request_token(form, request)
            yield self._with_token(request)
