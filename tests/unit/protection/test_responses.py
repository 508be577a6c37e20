"""The challenge header, whatever is written into it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import WWWAuthenticate

from flask_gluu_changes.protection import responses
from tests.support.java_client import split

ANY = st.text(max_size=60)
STYLES = st.sampled_from(["dual", "standard", "gluu"])
URLS = st.from_regex(r"https://[a-z]{1,9}\.example(/[!-~]{0,20})?", fullmatch=True)
TICKETS = st.one_of(
    st.from_regex(responses.TOKEN, fullmatch=True), st.from_regex(r"[ !#-\[\]-~]+", fullmatch=True)
)


def parsed(header: str) -> WWWAuthenticate:
    read = WWWAuthenticate.from_header(header)
    assert read is not None
    return read


def assert_safe(header: str) -> None:
    assert re.fullmatch(r"[\x20-\x7e]+", header)


@given(
    realm=ANY, issuer=ANY, ticket=ANY, host=ANY, style=st.sampled_from(["dual", "standard", "gluu"])
)
def test_no_value_breaks_the_header(
    realm: str, issuer: str, ticket: str, host: str, style: str
) -> None:
    header = responses.uma_challenge(style, realm=realm, host=host, issuer=issuer, ticket=ticket)
    if header is not None:
        assert_safe(header)
        assert parsed(header).type == "uma"


@given(realm=ANY, error=ANY, scope=ANY, metadata=ANY)
def test_no_value_breaks_the_bearer_challenge(
    realm: str, error: str, scope: str, metadata: str
) -> None:
    header = responses.bearer_challenge(realm, metadata=metadata, error=error, scopes=[scope])
    assert_safe(header)
    assert parsed(header).type == "bearer"


@given(realm=st.from_regex(r"[ !#-\[\]-~]+", fullmatch=True), issuer=URLS, ticket=TICKETS)
def test_readers_of_the_standard_find_what_was_written(
    realm: str, issuer: str, ticket: str
) -> None:
    for style in ("dual", "standard"):
        header = responses.uma_challenge(style, realm=realm, host="h", issuer=issuer, ticket=ticket)
        assert header is not None
        found = parsed(header).parameters
        assert found["ticket"] == ticket
        assert found["as_uri"] == issuer
        assert found["realm"] == realm


@given(realm=ANY, issuer=URLS, ticket=TICKETS)
def test_gluus_client_finds_ticket_and_metadata(realm: str, issuer: str, ticket: str) -> None:
    url = f"{issuer.rstrip('/')}/.well-known/uma2-configuration"
    for style in ("dual", "gluu"):
        header = responses.uma_challenge(style, realm=realm, host="h", issuer=issuer, ticket=ticket)
        if header is not None and (style == "gluu" or "gluu=" in header):
            assert split(header) == {"ticket": ticket, "as_uri": url}


def test_dual_is_written_for_every_plain_ticket_and_url() -> None:
    header = responses.uma_challenge(
        "dual", realm="SCIM", host="h", issuer="https://as", ticket="T"
    )
    assert header == (
        'UMA realm="SCIM", as_uri="https://as", ticket="T", '
        'gluu="x, as_uri=https://as/.well-known/uma2-configuration, ticket=T, "'
    )


@pytest.mark.parametrize(
    ("issuer", "ticket"),
    [("https://as/a,b", "T"), ("https://as", "a,b"), ("https://as", "a b"), ('https://as/"', "T")],
)
def test_gluus_part_is_left_out_where_it_would_mislead(issuer: str, ticket: str) -> None:
    dual = responses.uma_challenge("dual", realm="r", host="h", issuer=issuer, ticket=ticket)
    assert dual is not None
    assert "gluu=" not in dual
    assert (
        responses.uma_challenge("gluu", realm="r", host="h", issuer=issuer, ticket=ticket) is None
    )
