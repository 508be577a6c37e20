"""Reads the Authorization header more strictly than Authlib, whose protector it extends."""

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


class BearerProtector(ResourceProtector):  # type: ignore[misc]
    """Takes one token of one scheme from one header, and from nowhere else."""

    def acquire_token(self, scopes: list[str] | None = None, **_: Any) -> Any:
        """Give the claims of the current request's token, also as Authlib's `current_token`.

        Authlib would copy the request first and build its whole URL, which is half of the cost of
        a cached token; its validators read nothing but the headers.
        """
        token = self.validate_request(scopes, request)
        token_authenticated.send(self, token=token)
        g.authlib_server_oauth2_token = token
        return token

    def parse_request_authorization(self, request: Request) -> tuple[TokenValidator, str]:
        """Give the validator and the token, or raise what is wrong with the header.

        Servers join repeated headers with commas, so a comma before a scheme is a second header.
        """
        header = str(request.headers.get("Authorization") or "").strip()
        if re.match(r"bearer$", header, re.I) or re.search(r",\s*bearer\s", header, re.I):
            raise InvalidRequestError
        validator, token = super().parse_request_authorization(request)
        if len(token) > MAX_TOKEN:
            raise InvalidTokenError
        if not TOKEN68.fullmatch(token):
            raise InvalidRequestError
        return validator, token
