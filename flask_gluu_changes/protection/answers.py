"""What a client is told: SCIM's error body, and the challenge of the mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    InvalidRequestError,
    MissingAuthorizationError,
    UnsupportedTokenTypeError,
)
from authlib.oauth2.rfc6750 import InsufficientScopeError
from flask import Response, request

from ..scim_errors import error_response
from . import challenge
from .errors import RETRY_AFTER, AuthorizationServerUnavailable
from .settings import ProtectionSettings
from .uma import Tickets

MALFORMED = "The Authorization header is malformed; send one, as 'Bearer' and a token."
MISSING = "This needs an access token; send it in the header 'Authorization: Bearer'."
DEAD = "The access token is unknown, expired, revoked or not meant for this server."
INSUFFICIENT = "The access token lacks a scope; ask for those that WWW-Authenticate names."
DOWN = "The authorization server cannot be asked at the moment. Try again later."
TICKET = "Take the ticket in WWW-Authenticate to the authorization server for a token."
UNREACHABLE = '199 - "UMA Authorization Server Unreachable"'
"""What a resource server says that has no ticket to give (UMA grant, section 3.2.2)."""


class Refusals(Protocol):
    """Turns an error of the check into the answer of a mode."""

    def answer(self, error: OAuth2Error, scopes: Sequence[str]) -> Response:
        """Build it; scopes: what the request needed."""


class BearerRefusals:
    """Answers in the modes `oauth` and `test` (RFC 6750, section 3.1)."""

    def __init__(self, settings: ProtectionSettings, metadata_url: Callable[[], str]) -> None:
        self._realm = settings.realm
        self._dead_status = 403 if settings.status_profile == "gluu" else 401
        self._metadata_url = metadata_url

    def answer(self, error: OAuth2Error, scopes: Sequence[str]) -> Response:
        """Build the answer; all dead tokens get the same one."""
        if isinstance(error, AuthorizationServerUnavailable):
            return scim_error(503, DOWN, {"Retry-After": str(RETRY_AFTER)})
        if isinstance(error, InvalidRequestError):
            return self._challenged(400, MALFORMED, "invalid_request")
        if isinstance(error, InsufficientScopeError):
            return self._challenged(403, INSUFFICIENT, "insufficient_scope", scopes)
        if isinstance(error, (MissingAuthorizationError, UnsupportedTokenTypeError)):
            return self._challenged(401, MISSING)
        return self._challenged(self._dead_status, DEAD, "invalid_token")

    def _challenged(
        self, status: int, detail: str, error: str = "", scopes: Sequence[str] = ()
    ) -> Response:
        header = challenge.bearer(
            self._realm, metadata=self._metadata_url(), error=error, scopes=scopes
        )
        return scim_error(status, detail, {"WWW-Authenticate": header})


class UmaRefusals:
    """Answers in the mode `uma`: a ticket for every lack (UMA grant, section 3.2)."""

    def __init__(self, settings: ProtectionSettings, tickets: Tickets) -> None:
        self._settings = settings
        self._tickets = tickets

    def answer(self, error: OAuth2Error, scopes: Sequence[str]) -> Response:
        """Build the answer; it asks the authorization server for a ticket."""
        if isinstance(error, InvalidRequestError):
            return scim_error(400, MALFORMED)
        try:
            header = self._challenge(self._tickets.issue(scopes))
        except AuthorizationServerUnavailable:
            header = None
        if header is None:
            return scim_error(403, DOWN, {"Warning": UNREACHABLE})
        return scim_error(401, TICKET, {"WWW-Authenticate": header})

    def _challenge(self, ticket: str) -> str | None:
        return challenge.uma(
            self._settings.uma_challenge,
            realm=self._settings.realm,
            host=request.host,
            issuer=self._settings.issuer,
            ticket=ticket,
        )


def scim_error(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """Build an error answer that no cache keeps (RFC 7644, section 3.12)."""
    response = error_response(status, detail)
    response.headers.update(headers or {})
    return response
