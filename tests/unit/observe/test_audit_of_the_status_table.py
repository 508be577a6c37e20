"""Each row of the table of status codes leaves one record, on a bare app and under a host's Api."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.audited import Records
from tests.support.protection import PATH, MakeSite, Site

Row = tuple[dict[str, str] | None, dict[str, Any] | None, int, str]

BEARER: dict[str, Row] = {
    "none": ({}, None, 401, "no_credentials"),
    "malformed": ({"Authorization": "Bearer a b"}, None, 400, "invalid_request"),
    "two headers": ({"Authorization": "Basic eA==, Bearer two"}, None, 400, "invalid_request"),
    "another scheme": ({"Authorization": "Basic eA=="}, None, 401, "other_scheme"),
    "DPoP": ({"Authorization": "DPoP x"}, None, 401, "other_scheme"),
    "unknown": ({"Authorization": "Bearer unknown"}, None, 401, "invalid_token"),
    "expired": (None, {"exp": 1}, 401, "invalid_token"),
    "another issuer": (None, {"iss": "https://other.example"}, 401, "invalid_token"),
    "sender-constrained": (None, {"cnf": {"x5t#S256": "x"}}, 401, "invalid_token"),
    "good": (None, {}, 200, ""),
}
"""Headers, or the claims of a token; then status and reason."""


def _ask(site: Site, headers: dict[str, str] | None, claims: dict[str, Any] | None) -> int:
    token = None if claims is None else site.server.issue(**claims)
    return site.get(token, headers={**(headers or {})}).status_code


@pytest.mark.parametrize("mode", ["oauth", "test"])
@pytest.mark.parametrize("case", BEARER)
def test_a_row_of_the_bearer_modes(
    mode: str, case: str, make_site: MakeSite, host: str, records: Records
) -> None:
    """Status and reason, and the client where its token is good."""
    headers, claims, status, reason = BEARER[case]
    assert _ask(make_site(mode, host), headers, claims) == status
    record = records.take()
    assert (record.status, record.reason, record.form) == (status, reason, "timeStamp")
    assert (record.client, record.subject) == (("caller", "caller") if case == "good" else ("", ""))
    assert (record.address, record.method) == ("127.0.0.1", "GET")
    assert record.entries == (1 if case == "good" else 0)


def test_a_wrong_audience(make_site: MakeSite, host: str, records: Records) -> None:
    """Is a token for somebody else."""
    site = make_site("oauth", host, audience="our-api")
    assert _ask(site, None, {"aud": "other"}) == 401
    assert records.take().reason == "invalid_token"


def test_a_revoked_token(make_site: MakeSite, host: str, records: Records) -> None:
    """Is not good any more, and its client is not told by anybody."""
    site = make_site("oauth", host)
    token = site.server.issue()
    site.server.revoke(token)
    assert site.get(token).status_code == 401
    assert records.take()[1:4][1:] == ("", "")


def test_a_missing_scope(make_site: MakeSite, host: str, records: Records) -> None:
    """Is recorded with the client, whose token is good for other things."""
    site = make_site("oauth", host, scope="a b")
    assert site.get(site.server.issue("a", sub="ada")).status_code == 403
    record = records.take()
    assert (record.status, record.reason) == (403, "insufficient_scope")
    assert (record.client, record.subject) == ("caller", "ada")


@pytest.mark.parametrize("mode", ["oauth", "test"])
def test_a_server_that_is_down(mode: str, make_site: MakeSite, host: str, records: Records) -> None:
    """Is no fault of the client."""
    site = make_site(mode, host)
    token = site.server.issue()
    site.server.stop()
    assert site.get(token).status_code == 503
    assert records.take().reason == "authorization_server_down"


def test_gluus_status_profile(make_site: MakeSite, host: str, records: Records) -> None:
    """Has another status, and the same reason."""
    assert make_site("oauth", host, status_profile="gluu").get("unknown").status_code == 403
    assert records.take().reason == "invalid_token"


@pytest.mark.parametrize(
    ("token", "reason"),
    [(None, "no_credentials"), ("unknown", "invalid_token"), ("read", "insufficient_scope")],
)
def test_a_lack_in_mode_uma(
    token: str | None, reason: str, make_site: MakeSite, host: str, records: Records
) -> None:
    """Each gets a ticket, and the record says why."""
    site = make_site("uma", host)
    sent = site.server.issue("read") if token == "read" else token
    assert site.get(sent).status_code == 401
    assert records.take().reason == reason


def test_mode_uma_without_a_ticket(make_site: MakeSite, host: str, records: Records) -> None:
    """The authorization server has none to give."""
    site = make_site("uma", host)
    site.server.stop()
    assert site.get().status_code == 403
    assert records.take().reason == "no_ticket"


def test_mode_uma_with_a_malformed_header(make_site: MakeSite, host: str, records: Records) -> None:
    """Is refused like in the other modes."""
    answer = make_site("uma", host).get(headers={"Authorization": "Bearer a,b"})
    assert answer.status_code == 400
    assert records.take().reason == "invalid_request"


def test_mode_bypass(make_site: MakeSite, host: str, records: Records) -> None:
    """Everybody passes, so there is no client."""
    assert make_site("bypass", host, allow_bypass=True).get("x").status_code == 200
    assert records.take()[2:4] == ("", "")


def test_a_flood_of_bad_tokens(make_site: MakeSite, records: Records) -> None:
    """Is refused by its address at last."""
    site = make_site("oauth")
    answers = [site.get(f"unknown-{number}").status_code for number in range(60)]
    assert 429 in answers
    reasons = {record.status: record.reason for record in records.kept}
    assert reasons == {401: "invalid_token", 429: "too_many_questions"}


@pytest.mark.parametrize(
    ("method", "query", "status", "reason"),
    [
        ("GET", "timeStamp=x&pagesize=1", 400, "invalidValue"),
        ("GET", "cursor=", 400, "invalidValue"),
        ("POST", "", 405, "method_not_allowed"),
        ("HEAD", "timeStamp=2020-01-01T00:00:00Z&pagesize=1", 200, ""),
        ("OPTIONS", "", 200, ""),
    ],
)
def test_what_a_good_client_asks_wrong(
    method: str, query: str, status: int, reason: str, make_site: MakeSite, records: Records
) -> None:
    """The client is known then."""
    site = make_site("oauth")
    answer = site.get(site.server.issue(), query_string=query, method=method, path=PATH)
    assert answer.status_code == status
    record = records.take()
    assert (record.method, record.status, record.reason) == (method, status, reason)
    assert record.client == ("" if method == "OPTIONS" else "caller")
