"""What can go wrong between this server and its authorization server, as Authlib's errors."""

from __future__ import annotations

from authlib.oauth2 import OAuth2Error

RETRY_AFTER = 5
"""Seconds after which a client may try again while the authorization server is down."""


class AuthorizationServerUnavailable(OAuth2Error):  # type: ignore[misc]
    """Nobody can say whether a token is good: the request is refused, with 503 for a bearer token.

    The log holds the endpoint and the cause; a client reads neither.
    """

    error = "temporarily_unavailable"
    description = "The authorization server cannot be asked at the moment."
    status_code = 503
