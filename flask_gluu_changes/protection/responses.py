"""What a refused client gets: SCIM's error body, and the challenge of the mode.

The WWW-Authenticate header is written for readers of the standards and for Gluu's Java client.
"""

from __future__ import annotations

import re
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

from ..scim import error_response
from ..settings.protection import ProtectionSettings
from .discovery import uma_document_url
from .http import RETRY_AFTER, AuthorizationServerUnavailable
from .uma import Tickets

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A value that needs no quotes (RFC 9110, section 5.6.2)."""


def quoted(value: str) -> str:
    """Write a quoted-string (RFC 9110, section 5.6.4); what no header may hold becomes `?`."""
    plain = re.sub(r"[^\x20-\x7e]", "?", value)
    return '"' + re.sub(r'(["\\])', r"\\\1", plain) + '"'


def bearer_challenge(
    realm: str, *, metadata: str, error: str = "", description: str = "", scopes: Sequence[str] = ()
) -> str:
    """Challenge for a bearer token (RFC 6750, section 3; RFC 9728, section 5.1).

    error: empty where no credentials were sent. scopes: those that were needed.
    """
    parameters = {
        "realm": realm,
        "error": error,
        "error_description": description,
        "scope": " ".join(scopes),
        "resource_metadata": metadata,
    }
    return "Bearer " + ", ".join(f"{k}={quoted(v)}" for k, v in parameters.items() if v)


def uma_challenge(style: str, *, realm: str, host: str, issuer: str, ticket: str) -> str | None:
    """Challenge with a permission ticket (UMA grant, section 3.2.1); None if it cannot be written.

    Gluu's client splits at every comma, respects no quotes, and believes the last `ticket=` and
    `as_uri=`; its `as_uri` is the metadata's URL. `dual` hides such a text in one quoted parameter
    that readers of the standard skip.
    """
    for_gluu = _for_gluu(issuer, ticket)
    if style == "gluu":
        return for_gluu and f'UMA realm="Authorization required", host_id={_host(host)}, {for_gluu}'
    standard = f"UMA realm={quoted(realm)}, as_uri={quoted(issuer)}, ticket={quoted(ticket)}"
    if style == "standard" or not for_gluu:
        return standard
    return f'{standard}, gluu="x, {for_gluu}, "'


def _for_gluu(issuer: str, ticket: str) -> str | None:
    url = uma_document_url(issuer)
    if not TOKEN.fullmatch(ticket) or not re.fullmatch(r"[!#-+\--\[\]-~]+", url):
        return None
    return f"as_uri={url}, ticket={ticket}"


def _host(host: str) -> str:
    return re.sub(r"[^A-Za-z0-9.:\[\]-]", "", host)


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
        header = bearer_challenge(
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
        return uma_challenge(
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
