"""Authlib's resource protector, with a stricter reading of the Authorization header."""

from __future__ import annotations

import re
from typing import Any

from authlib.integrations.flask_oauth2 import ResourceProtector, token_authenticated
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    InvalidRequestError,
    MissingAuthorizationError,
    TokenValidator,
    UnsupportedTokenTypeError,
)
from authlib.oauth2.rfc6750 import InvalidTokenError
from flask import Request, g, request

MAX_TOKEN = 8192
"""A longer token is refused before anything is computed from it, in characters."""

SCHEME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]*")
"""The name of an authentication scheme (RFC 9110, section 11.1)."""

BEARER = re.compile(r"[ \t]*(?i:bearer) +([A-Za-z0-9\-._~+/]+=*)[ \t]*")
"""The header's value: the scheme, blanks, and a bearer token (RFC 6750, section 2.1)."""

QUERY_METHOD = re.compile(rb"(?:^|&)access(?:_|%5[Ff])token=")
"""A token in the URL is not read; beside one in the header it is an error (section 3.1)."""

CLAIMS_IN_G = "authlib_server_oauth2_token"
"""Where Authlib keeps the claims of the accepted token in `g`, for its `current_token`."""


PRESENTED = "gluu_changes_presented"
"""Where the claims of a token are in `g` that is good, whether it grants what is asked or not."""


class BearerProtector(ResourceProtector):  # type: ignore[misc]
    """Accepts one token of one scheme from one header, and from nowhere else."""

    def __init__(self, validator: TokenValidator) -> None:
        super().__init__()
        self.validator = validator
        # Exactly one: Authlib silently drops a second validator of the same token type.
        self.register_token_validator(validator)

    def acquire_token(self, scopes: list[str] | None = None, **_: Any) -> Any:
        """Return the claims of the current request's token, also as Authlib's `current_token`.

        Authlib would copy the request first and build its whole URL, which is half of the cost of
        a cached token; its validators read nothing but the headers. Flask's proxy would look for
        the request at each use, and blinker for receivers of a signal that nobody receives.
        """
        current = request._get_current_object()  # type: ignore[attr-defined]  # of a LocalProxy
        token = self.validate_request(scopes, current)
        if token_authenticated.receivers:
            token_authenticated.send(self, token=token)
        return token

    def validate_request(self, scopes: list[str] | None, request: Request, **_: Any) -> Any:
        """Return the claims of a request's token, which `g` has then, or raise what is wrong."""
        validator, text = self.parse_request_authorization(request)
        validator.validate_request(request)
        token = validator.authenticate_token(text)
        here = g._get_current_object()  # a LocalProxy looks for it at each use
        setattr(here, PRESENTED, token)
        validator.validate_token(token, scopes, request)
        setattr(here, CLAIMS_IN_G, token)
        return token

    def parse_request_authorization(self, request: Request) -> tuple[TokenValidator, str]:
        """Return the validator and the token, or raise what is wrong with the header.

        Authlib splits at whatever Python calls white space; between scheme and token there are
        blanks only (RFC 9110, section 11.4).
        """
        header = request.environ.get("HTTP_AUTHORIZATION", "")
        found = BEARER.fullmatch(header)
        if found is None:
            raise _objection(header.strip(" \t"))
        if _has_token_in_url(request.query_string):
            raise InvalidRequestError
        if len(found[1]) > MAX_TOKEN:
            raise InvalidTokenError
        return self.validator, found[1]


def _objection(header: str) -> OAuth2Error:
    """Return what is wrong with a header that holds no bearer token."""
    if not header:
        return MissingAuthorizationError()
    scheme = SCHEME.match(header)[0]  # type: ignore[index]  # it matches nothing as well
    # Servers join repeated headers with commas: a scheme after one is a second header.
    if scheme.lower() == "bearer" or _has_bearer_later(header):
        return InvalidRequestError()
    return UnsupportedTokenTypeError()


def _has_token_in_url(query: bytes) -> bool:
    return b"token=" in query and QUERY_METHOD.search(query) is not None


def _has_bearer_later(header: str) -> bool:
    return re.search(r",[ \t]*bearer[ \t]", header, re.IGNORECASE) is not None
