"""The protection API token: our own access token (UMA federated authorization, 1.3)."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from .client_auth import FORM, ClientCredentials
from .clock import Clock
from .discovery import ServerMetadata
from .errors import AuthorizationServerUnavailable
from .http import Answer, HttpClient
from .kept import Kept

log = logging.getLogger(__name__)

JSON = {"Content-Type": "application/json"}
DEFAULT_SECONDS = 60.0
"""Lifetime of a PAT that comes without `expires_in`."""

EARLY_SECONDS = 30.0
"""A PAT is renewed so long before its end, or after half its life if that is shorter."""


class PatClient:
    """Calls with a PAT that all threads share; a 401 renews it once."""

    def __init__(
        self,
        client: ClientCredentials,
        http: HttpClient,
        metadata: ServerMetadata,
        scope: str,
        clock: Clock,
    ) -> None:
        self._client = client
        self._http = http
        self._metadata = metadata
        self._form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        self._pat = Kept(self._fetch, clock)

    def post(self, url: str, form: Mapping[str, str]) -> Answer:
        """Send a form."""
        return self._call("POST", url, FORM, urlencode(form))

    def post_json(self, url: str, body: Any) -> Answer:
        """Send JSON."""
        return self._call("POST", url, JSON, json.dumps(body))

    def get(self, url: str) -> Answer:
        """Fetch."""
        return self._call("GET", url, {}, None)

    def _call(
        self, method: str, url: str, headers: Mapping[str, str], content: str | None
    ) -> Answer:
        pat = self._pat.get()
        answer = self._http.send(method, url, {**headers, **_bearer(pat)}, content)
        if answer.status != 401:
            return answer
        fresh = self._pat.renew(pat)
        return self._http.send(method, url, {**headers, **_bearer(fresh)}, content)

    def _fetch(self) -> tuple[str, float]:
        url = self._metadata.endpoint("token_endpoint")
        answer = self._client.post(url, self._form)
        pat = answer.object.get("access_token")
        if answer.status != 200 or not isinstance(pat, str) or not pat.isascii():
            log.error("The authorization server gave no PAT at %s: status %s", url, answer.status)
            raise AuthorizationServerUnavailable
        return pat, _useful_seconds(answer.object.get("expires_in"))


def _bearer(pat: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {pat}"}


def _useful_seconds(expires_in: object) -> float:
    try:
        seconds = float(str(expires_in))
    except ValueError:
        seconds = DEFAULT_SECONDS
    return max(seconds - EARLY_SECONDS, seconds / 2)
