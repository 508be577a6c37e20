"""How this resource server authenticates itself: as its client, or with a protection API token.

Authlib's client authentication is made exact where it departs from the standards. With it the
protection API token (PAT) is fetched (UMA federated authorization, section 1.3).
"""

from __future__ import annotations

import base64
import json
import logging
import math
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import quote_plus, urlencode

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT

from ..oauth.keys import Key, client_assertion, read_key
from ..settings.fields import PREFIX
from ..settings.protection import ProtectionSettings
from .caching import CachedValue, Clock
from .discovery import ServerMetadata
from .http import Answer, AuthorizationServerUnavailable, HttpClient, Request

log = logging.getLogger(__name__)

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}

DEFAULT_SECONDS = 60.0
"""Lifetime of a PAT that comes without `expires_in`."""

LONGEST_SECONDS = 86_400.0
"""A PAT is used no longer, whatever `expires_in` says."""

RENEWAL_SECONDS = 5.0
"""A 401 renews the PAT at most once in this time: anybody may be the reason of it."""

REFUSALS: Mapping[str, str] = {
    "invalid_client": f"{PREFIX}CLIENT_ID and its secret or key are refused",
    "unauthorized_client": "the client may not use the grant client_credentials",
    "invalid_scope": f"the client may not have the scope {PREFIX}PAT_SCOPE",
}
"""What the server's error codes mean here (RFC 6749, section 5.2)."""

VISIBLE = re.compile(r"[!-~]+")
"""The characters of a token (RFC 6749, appendix A.12); no others go into a header."""

EARLY_SECONDS = 30.0
"""A PAT is renewed so long before its end, or after half its life if that is shorter."""

Form: TypeAlias = Mapping[str, str]


class AuthenticatedClient:
    """Posts forms as the client of the settings, authenticated by the method of the settings."""

    def __init__(
        self, settings: ProtectionSettings, http: HttpClient, metadata: ServerMetadata
    ) -> None:
        self._http = http
        self._metadata = metadata
        self._client_id = settings.client_id
        self._method = settings.auth_method
        self._secret: str | Key = settings.client_secret
        if self._method == "private_key_jwt":
            self._secret = read_key(settings.client_key, f"{PREFIX}CLIENT_KEY")

    def post(self, url: str, form: Form, control: Form | None = None) -> Answer:
        """Send a form and return the answer, which may be the server's refusal.

        control: the same form without what anybody may have sent, where there is something of it.
        """
        again = None if control is None else partial(self._authenticated, url, control)
        return self._http.send("POST", url, *self._authenticated(url, form), control=again)

    def _authenticated(self, url: str, form: Form) -> Request:
        auth = ClientAuth(self._client_id, self._secret, self._auth_method())
        _, headers, body = auth.prepare("POST", url, dict(FORM), urlencode(form))
        return headers, body

    def _auth_method(self) -> object:
        """Return a method of Authlib's by its name, or an own one in place of it."""
        if self._method == "private_key_jwt":
            return _PrivateKeyJwt(self._metadata.endpoint("token_endpoint"))
        return _client_secret_basic if self._method == "client_secret_basic" else self._method


def _client_secret_basic(
    auth: ClientAuth, _: str, uri: str, headers: dict[str, str], body: str
) -> tuple[str, dict[str, str], str]:
    """Percent-encode both parts first, as RFC 6749, section 2.3.1 asks and Authlib does not."""
    pair = f"{quote_plus(auth.client_id)}:{quote_plus(auth.client_secret)}"
    headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return uri, headers, body


class _PrivateKeyJwt(PrivateKeyJWT):  # type: ignore[misc]
    """An assertion that lives a minute and names its key and algorithm (RFC 7523)."""

    def sign(self, auth: ClientAuth, token_endpoint: str) -> Any:
        return client_assertion(auth.client_secret, auth.client_id, token_endpoint)


class PatClient:
    """Makes calls with a PAT that all threads share; a 401 renews it once."""

    def __init__(
        self,
        client: AuthenticatedClient,
        http: HttpClient,
        metadata: ServerMetadata,
        scope: str,
        clock: Clock,
    ) -> None:
        self._client = client
        self._http = http
        self._metadata = metadata
        self._clock = clock
        self._renewed_at = -math.inf
        self._form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        self._pat = CachedValue(self._fetch, clock)

    def post(self, url: str, form: Form, control: Form | None = None) -> Answer:
        """Send a form and return the answer; control: as for the client's own calls."""
        again = None if control is None else (FORM, urlencode(control))
        return self._call("POST", url, (FORM, urlencode(form)), again)

    def post_json(self, url: str, body: Any) -> Answer:
        """Send JSON and return the answer."""
        return self._call("POST", url, (JSON, json.dumps(body)))

    def get(self, url: str) -> Answer:
        """Fetch a URL and return the answer."""
        return self._call("GET", url, ({}, None))

    def _call(
        self, method: str, url: str, request: Request, control: Request | None = None
    ) -> Answer:
        pat = self._pat.get()
        answer = self._send(method, url, request, control, pat)
        newer = self._newer(pat) if answer.status == 401 else None
        return self._send(method, url, request, control, newer) if newer else answer

    def _newer(self, refused: str) -> str | None:
        """Return another PAT than a refused one; None so soon after a renewal that did not help."""
        if self._clock.elapsed() < self._renewed_at + RENEWAL_SECONDS:
            held = self._pat.held()
            return held if held != refused else None
        fresh = self._pat.renew(refused)
        self._renewed_at = self._clock.elapsed()
        return fresh

    def _send(
        self, method: str, url: str, request: Request, control: Request | None, pat: str
    ) -> Answer:
        again = None if control is None else partial(_with_pat, control, pat)
        return self._http.send(method, url, *_with_pat(request, pat), control=again)

    def _fetch(self) -> tuple[str, float]:
        url = self._metadata.endpoint("token_endpoint")
        answer = self._client.post(url, self._form)
        pat = answer.object.get("access_token")
        if answer.status != 200 or not isinstance(pat, str) or not VISIBLE.fullmatch(pat):
            log.error("The authorization server gave no PAT at %s: %s", url, explained(answer))
            raise AuthorizationServerUnavailable
        return pat, _useful_seconds(answer.object.get("expires_in"))


def _with_pat(request: Request, pat: str) -> Request:
    headers, content = request
    return {**headers, "Authorization": f"Bearer {pat}"}, content


def explained(answer: Answer) -> str:
    """Say what a refusal of the authorization server means for the settings of this one."""
    error = answer.object.get("error")
    if answer.status == 401:
        error = "invalid_client"
    meaning = REFUSALS.get(error) if isinstance(error, str) else None
    return f"status {answer.status}" + (f", {meaning}" if meaning else "")


def _useful_seconds(expires_in: object) -> float:
    """Return how long to use a PAT; servers send `expires_in` as a number or as a text."""
    try:
        seconds = float(str(expires_in))
    except ValueError:
        seconds = DEFAULT_SECONDS
    if not seconds >= 0:  # which nan is not either
        seconds = DEFAULT_SECONDS
    seconds = min(seconds, LONGEST_SECONDS)
    return max(seconds - EARLY_SECONDS, seconds / 2)
