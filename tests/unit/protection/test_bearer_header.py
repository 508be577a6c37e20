"""How the Authorization header is read, to the letter."""

from __future__ import annotations

import pytest
from authlib.oauth2.rfc6749 import (
    InvalidRequestError,
    MissingAuthorizationError,
    TokenValidator,
    UnsupportedTokenTypeError,
)
from authlib.oauth2.rfc6750 import InvalidTokenError
from flask import Request
from werkzeug.test import EnvironBuilder

from flask_gluu_changes.protection.bearer import BearerProtector

LONGEST = 8192
VALIDATOR = TokenValidator()
PROTECTOR = BearerProtector(VALIDATOR)


def token_of(header: str | None, query: str = "") -> str:
    environ = EnvironBuilder(query_string=query).get_environ()
    if header is not None:
        environ["HTTP_AUTHORIZATION"] = header
    validator, token = PROTECTOR.parse_request_authorization(Request(environ))
    assert validator is VALIDATOR
    return token


@pytest.mark.parametrize(
    "header", ["Bearer t", "bearer t", "BEARER  t", " Bearer t\t", "Bearer   t "]
)
def test_a_scheme_blanks_and_a_token(header: str) -> None:
    assert token_of(header) == "t"
    assert token_of(header, "access=token&x_access_token=&filter=access_token=") == "t"


@pytest.mark.parametrize("token", ["a", "a.b-c_d~e+f/0==", "=a"[1:], "x" * LONGEST])
def test_all_letters_of_tokens(token: str) -> None:
    assert token_of(f"Bearer {token}") == token


@pytest.mark.parametrize("header", [None, "", " ", "\t"])
def test_no_header_is_no_credentials(header: str | None) -> None:
    with pytest.raises(MissingAuthorizationError):
        token_of(header)


@pytest.mark.parametrize(
    "header",
    [
        "Basic eA==",
        "DPoP t",
        "Bearer-x t",
        "Bearert",
        "Negotiate",
        "(",
        "Basic x,bearer",
        "Basic bearer x",
    ],
)
def test_another_scheme_is_no_credentials(header: str) -> None:
    with pytest.raises(UnsupportedTokenTypeError):
        token_of(header)


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer\tt",
        "Bearer t u",
        "Bearer t,u",
        "Bearer =",
        'Bearer "t"',
        "Bearer, Bearer t",
        "Bearer t=a",
        "Basic x, Bearer t",
        "Basic x,bearer\tt",
        "Basic x, \t bEARER t",
    ],
)
def test_what_is_malformed_or_twice_is_an_invalid_request(header: str) -> None:
    with pytest.raises(InvalidRequestError):
        token_of(header)


def test_a_token_in_the_url_as_well_is_an_invalid_request() -> None:
    with pytest.raises(InvalidRequestError):
        token_of("Bearer t", "a=b&access_token=t")
    with pytest.raises(InvalidRequestError):
        token_of("Bearer t", "access%5ftoken=t")
    with pytest.raises(MissingAuthorizationError):
        token_of(None, "access_token=t")


def test_a_token_too_long_is_none() -> None:
    with pytest.raises(InvalidTokenError):
        token_of("Bearer " + "x" * (LONGEST + 1))
