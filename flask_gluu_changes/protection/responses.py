"""What a refused client gets: SCIM's error body, and the challenge of the mode.

The WWW-Authenticate header is written for readers of the standards and for Gluu's Java client.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    InvalidRequestError,
    MissingAuthorizationError,
    UnsupportedTokenTypeError,
)
from authlib.oauth2.rfc6750 import InsufficientScopeError

from ..scim import ErrorResponse, error_response
from ..settings.protection import ProtectionSettings
from .discovery import uma_metadata_url
from .http import RETRY_AFTER, AuthorizationServerUnavailable
from .limits import AskingLimits, TooManyQuestions
from .uma import Tickets

MALFORMED = "The Authorization header is malformed; send one, as 'Bearer' and a token."
MISSING = "This needs an access token; send it in the header 'Authorization: Bearer'."
INVALID = "The access token is unknown, expired, revoked or not meant for this server."
INSUFFICIENT = "The access token lacks a scope; ask for those that WWW-Authenticate names."
DOWN = "The authorization server cannot be asked at the moment. Try again later."
TICKET = "Take the ticket in WWW-Authenticate to the authorization server for a token."
TOO_MANY = "Your address sent too many tokens that are not valid, or none. Try again in a second."
UNREACHABLE = '199 - "UMA Authorization Server Unreachable"'
"""What a resource server says that has no ticket to give (UMA grant, section 3.2.2)."""

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A value that needs no quotes (RFC 9110, section 5.6.2)."""


class Refusals(Protocol):
    """Turns an error of the check into the answer of a mode."""

    def answer(self, error: OAuth2Error, scopes: Sequence[str]) -> ErrorResponse:
        """Build the answer; scopes: what the request needed."""


class BearerRefusals:
    """The answers in the modes `oauth` and `test` (RFC 6750, section 3.1)."""

    def __init__(self, settings: ProtectionSettings, metadata_url: Callable[[], str]) -> None:
        self._realm = settings.realm
        self._invalid_token_status = 403 if settings.status_profile == "gluu" else 401
        self._metadata_url = metadata_url

    def answer(self, error: OAuth2Error, scopes: Sequence[str]) -> ErrorResponse:
        """Build the answer; all invalid tokens get the same one."""
        match error:
            case TooManyQuestions():
                return _too_many()
            case AuthorizationServerUnavailable():
                headers = {"Retry-After": str(RETRY_AFTER)}
                return _scim_error(503, DOWN, headers, reason=_reason_of(error))
            case InvalidRequestError():
                return self._challenge(400, MALFORMED, "invalid_request")
            case InsufficientScopeError():
                return self._challenge(403, INSUFFICIENT, "insufficient_scope", scopes)
            case MissingAuthorizationError() | UnsupportedTokenTypeError():
                return self._challenge(401, MISSING, reason=_reason_of(error))
            case _:
                return self._challenge(self._invalid_token_status, INVALID, "invalid_token")

    def _challenge(
        self,
        status: int,
        detail: str,
        error: str = "",
        scopes: Sequence[str] = (),
        *,
        reason: str = "",
    ) -> ErrorResponse:
        header = bearer_challenge(
            self._realm, metadata=self._metadata_url(), error=error, scopes=scopes
        )
        return _scim_error(status, detail, {"WWW-Authenticate": header}, reason=reason or error)


class UmaRefusals:
    """The answers in the mode `uma`: a ticket for every lack (UMA grant, section 3.2)."""

    def __init__(
        self, settings: ProtectionSettings, tickets: Tickets, limits: AskingLimits
    ) -> None:
        self._settings = settings
        self._tickets = tickets
        self._limits = limits

    def answer(self, error: OAuth2Error, scopes: Sequence[str]) -> ErrorResponse:
        """Build the answer; the authorization server is asked for a ticket."""
        if isinstance(error, InvalidRequestError):
            # a bearer token's error: no ticket is of use to who sends none that can be read
            challenge = bearer_challenge(self._settings.realm, metadata="", error="invalid_request")
            headers = {"WWW-Authenticate": challenge}
            return _scim_error(400, MALFORMED, headers, reason=_reason_of(error))
        if isinstance(error, TooManyQuestions):
            return _too_many()
        try:
            # before anything is asked: each ticket is a call that anybody can cause
            with self._limits.for_stranger():
                header = self._challenge(scopes)
        except TooManyQuestions:
            return _too_many()
        except AuthorizationServerUnavailable:
            header = None
        if header is None:
            return _scim_error(403, DOWN, {"Warning": UNREACHABLE}, reason="no_ticket")
        return _scim_error(401, TICKET, {"WWW-Authenticate": header}, reason=_reason_of(error))

    def _challenge(self, scopes: Sequence[str]) -> str | None:
        """Return a challenge with a fresh ticket; None if it cannot be written."""
        ticket = self._tickets.issue(scopes)
        return uma_challenge(
            self._settings.uma_challenge,
            realm=self._settings.realm,
            host=urlsplit(self._settings.resource).netloc,
            issuer=self._settings.issuer,
            ticket=ticket,
        )


def bearer_challenge(
    realm: str, *, metadata: str, error: str = "", scopes: Sequence[str] = ()
) -> str:
    """Return a challenge for a bearer token (RFC 6750, section 3; RFC 9728, section 5.1).

    Args:
        realm: The protected space that is named to the client.
        metadata: URL of the protected resource's metadata; empty if none is served.
        error: The error code; empty where no credentials were sent.
        scopes: Those that were needed.
    """
    parameters = {
        "realm": realm,
        "error": error,
        "scope": " ".join(scopes),
        "resource_metadata": metadata,
    }
    return "Bearer " + ", ".join(f"{k}={_quoted(v)}" for k, v in parameters.items() if v)


def uma_challenge(style: str, *, realm: str, host: str, issuer: str, ticket: str) -> str | None:
    """Return a challenge with a permission ticket (UMA grant, section 3.2.1).

    Gluu's client splits at every comma, respects no quotes, and believes the last `ticket=` and
    `as_uri=`; its `as_uri` is the metadata's URL. The style `dual` hides such a text in one quoted
    parameter that readers of the standard skip.

    Returns:
        The header's value; None if it cannot be written in the style `gluu`.
    """
    for_gluu = _for_gluu(issuer, ticket)
    if style == "gluu":
        host_id = f"host_id={_host(host)}, " if host else ""
        return for_gluu and f'UMA realm="Authorization required", {host_id}{for_gluu}'
    standard = f"UMA realm={_quoted(realm)}, as_uri={_quoted(issuer)}, ticket={_quoted(ticket)}"
    if style == "standard" or not for_gluu:
        return standard
    return f'{standard}, gluu="x, {for_gluu}, "'


def _for_gluu(issuer: str, ticket: str) -> str | None:
    """Write what Gluu's client reads, unquoted; None where a comma or quote would mislead it."""
    url = uma_metadata_url(issuer)
    if not TOKEN.fullmatch(ticket) or not re.fullmatch(r"[!#-+\--\[\]-~]+", url):
        return None
    return f"as_uri={url}, ticket={ticket}"


def _host(host: str) -> str:
    """Leave out what no host name holds, since the header has no quotes."""
    return re.sub(r"[^A-Za-z0-9.:\[\]-]", "", host)


def _quoted(value: str) -> str:
    """Write a quoted-string (RFC 9110, section 5.6.4); what no header may hold becomes `?`."""
    plain = re.sub(r"[^\x20-\x7e]", "?", value)
    return '"' + re.sub(r'(["\\])', r"\\\1", plain) + '"'


def _too_many() -> ErrorResponse:
    return _scim_error(429, TOO_MANY, {"Retry-After": "1"}, reason="too_many_questions")


def _reason_of(error: OAuth2Error) -> str:
    """Return the word for the operator, who may know more of a refusal than the client."""
    match error:
        case MissingAuthorizationError():
            return "no_credentials"
        case UnsupportedTokenTypeError():
            return "other_scheme"
        case InvalidRequestError():
            return "invalid_request"
        case InsufficientScopeError():
            return "insufficient_scope"
        case AuthorizationServerUnavailable():
            return "authorization_server_down"
        case _:
            return "invalid_token"


def _scim_error(status: int, detail: str, headers: dict[str, str], *, reason: str) -> ErrorResponse:
    """Build an error answer that no cache keeps (RFC 7644, section 3.12)."""
    response = error_response(status, detail, reason=reason)
    response.headers.update(headers)
    return response
