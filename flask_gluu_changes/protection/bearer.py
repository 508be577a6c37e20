"""Authlib's resource protector, with a stricter reading of the Authorization header."""

from __future__ import annotations

import re
from typing import Any

from authlib.integrations.flask_oauth2 import ResourceProtector, token_authenticated
from authlib.oauth2.rfc6749 import InvalidRequestError, TokenValidator
from authlib.oauth2.rfc6750 import InvalidTokenError
from flask import Request, g, request

MAX_TOKEN = 8192
"""A longer token is refused before anything is computed from it, in characters."""

TOKEN68 = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
"""The syntax of a bearer token (RFC 6750, section 2.1)."""

CLAIMS_IN_G = "authlib_server_oauth2_token"
"""Where Authlib keeps the claims of the accepted token in `g`, for its `current_token`."""


class BearerProtector(ResourceProtector):  # type: ignore[misc]
    """Accepts one token of one scheme from one header, and from nowhere else."""

    def __init__(self, validator: TokenValidator) -> None:
        super().__init__()
        # Exactly one: Authlib silently drops a second validator of the same token type.
        self.register_token_validator(validator)

    def acquire_token(self, scopes: list[str] | None = None, **_: Any) -> Any:
        """Return the claims of the current request's token, also as Authlib's `current_token`.

        Authlib would copy the request first and build its whole URL, which is half of the cost of
        a cached token; its validators read nothing but the headers.
        """
        token = self.validate_request(scopes, request)
        token_authenticated.send(self, token=token)
        setattr(g, CLAIMS_IN_G, token)
        return token

    def parse_request_authorization(self, request: Request) -> tuple[TokenValidator, str]:
        """Return the validator and the token, or raise what is wrong with the header."""
        header = str(request.headers.get("Authorization") or "").strip()
        # Servers join repeated headers with commas: a comma before a scheme is a second header.
        if re.match(r"bearer$", header, re.I) or re.search(r",\s*bearer\s", header, re.I):
            raise InvalidRequestError
        validator, token = super().parse_request_authorization(request)
        if len(token) > MAX_TOKEN:
            raise InvalidTokenError
        if not TOKEN68.fullmatch(token):
            raise InvalidRequestError
        return validator, token
