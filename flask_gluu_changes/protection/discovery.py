"""The authorization server's endpoints: from the settings, or from its metadata (RFC 8414)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ..settings.protection import ENDPOINTS, ProtectionSettings, is_secure
from .caching import CachedValue, Clock
from .http import AuthorizationServerUnavailable, HttpClient

log = logging.getLogger(__name__)

TTL_SECONDS = 3600.0
"""How long the metadata is trusted before it is fetched again."""


class ServerMetadata:
    """The endpoints, found at their first use, so that the app starts while the server is down."""

    def __init__(self, settings: ProtectionSettings, http: HttpClient, clock: Clock) -> None:
        self._issuer = settings.issuer
        self._configured = {name: getattr(settings, name) for name in ENDPOINTS}
        self._urls = metadata_urls(settings.issuer, uma=settings.protection == "uma")
        self._http = http
        self._metadata = CachedValue(self._fetch, clock)

    def endpoint(self, name: str) -> str:
        """Return an endpoint's URL.

        Raises:
            AuthorizationServerUnavailable: The metadata cannot be had, or names no secure URL.
        """
        if self._configured[name]:
            return str(self._configured[name])
        url = self._metadata.get().get(name)
        if isinstance(url, str) and self._is_trusted(url):
            return url
        log.error("The metadata of %s has no %s, or one that is not https", self._issuer, name)
        raise AuthorizationServerUnavailable

    def _is_trusted(self, url: str) -> bool:
        """Return whether metadata may send us and our secrets to a URL.

        Plain http stays on loopback, where the issuer itself is there (RFC 8414, section 2).
        """
        is_plain = urlsplit(url).scheme == "http"
        return is_secure(url) and not (is_plain and urlsplit(self._issuer).scheme == "https")

    def _fetch(self) -> tuple[Mapping[str, Any], float]:
        for url in self._urls:
            answer = self._http.send("GET", url, {})
            if answer.status != 200 or not answer.object:  # some show a page for any URL
                continue
            if answer.object.get("issuer") == self._issuer:
                return answer.object, TTL_SECONDS
            log.error(
                "The metadata at %s is not of the issuer %s, to the letter: it names %.200a",
                url,
                self._issuer,
                answer.object.get("issuer"),
            )
            raise AuthorizationServerUnavailable
        log.error("The issuer %s has no metadata at %s", self._issuer, " or ".join(self._urls))
        raise AuthorizationServerUnavailable


def metadata_urls(issuer: str, *, uma: bool) -> list[str]:
    """List the URLs where an issuer may publish its metadata, in the order to try them.

    RFC 8414, section 3.1 puts the well-known part between host and path; OpenID Connect Discovery,
    section 4 and UMA 2.0 put it at the end.
    """
    if uma:
        return [uma_metadata_url(issuer)]
    parts = urlsplit(issuer)
    inserted = "/.well-known/oauth-authorization-server" + parts.path.rstrip("/")
    return [
        urlunsplit((parts.scheme, parts.netloc, inserted, "", "")),
        f"{issuer.rstrip('/')}/.well-known/openid-configuration",
    ]


def uma_metadata_url(issuer: str) -> str:
    """Return the URL of an issuer's UMA 2.0 metadata."""
    return f"{issuer.rstrip('/')}/.well-known/uma2-configuration"
