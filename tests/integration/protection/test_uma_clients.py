"""UMA end to end over real sockets, with clients that were not written for this server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from requests_oauthlib_uma import UMA2Session

from tests.support.java_client import JavaLikeClient, split
from tests.support.protection import PATH, QUERY, MakeSite, Site
from tests.support.serving import Serving


@pytest.fixture(autouse=True)
def _http_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture(params=["dual", "standard", "gluu"])
def style(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def site(make_site: MakeSite, host: str, style: str) -> Site:
    return make_site("uma", host, uma_challenge=style)


@pytest.fixture
def url(site: Site) -> Iterator[str]:
    with Serving(site.app) as serving:
        yield f"{serving.url}{PATH}?{QUERY}"


def uma_session(site: Site) -> UMA2Session:
    token = {"access_token": site.server.issue("openid"), "token_type": "Bearer"}
    return UMA2Session("caller", token=token)


@pytest.mark.parametrize("style", ["dual", "standard"])
def test_an_independent_client_gets_its_page(site: Site, url: str) -> None:
    with uma_session(site) as session:
        assert session.get(url).json()["total"] == 1
        assert session.get(url).json()["total"] == 1
    assert site.server.calls["permission"] == 1


@pytest.mark.parametrize("style", ["dual", "gluu"])
def test_gluus_client_gets_its_page(site: Site, url: str) -> None:
    client = JavaLikeClient("caller", "caller-secret")
    assert client.get(url).json()["total"] == 1
    assert client.get(url).json()["total"] == 1
    assert client.asked == 3


@pytest.mark.parametrize("style", ["dual"])
def test_who_is_denied_stays_out(site: Site, url: str) -> None:
    site.server.denies = True
    assert JavaLikeClient("caller", "caller-secret").get(url).status_code == 401
    with uma_session(site) as session, pytest.raises(Exception, match="request_denied"):
        session.get(url)


@pytest.mark.parametrize("style", ["dual"])
def test_a_revoked_rpt_is_replaced_by_the_client(make_site: MakeSite, style: str) -> None:
    site = make_site("uma", uma_challenge=style, token_cache_seconds=0)
    with Serving(site.app) as serving, uma_session(site) as session:
        url = f"{serving.url}{PATH}?{QUERY}"
        assert session.get(url).status_code == 200
        site.server.revoke(session.token["access_token"])
        site.server.tokens[session.token["access_token"]] = {"client_id": "caller", "exp": 1}
        assert session.get(url).status_code == 200


@pytest.mark.parametrize("style", ["gluu"])
def test_gluus_style_is_gluus_header(site: Site, url: str) -> None:
    response = requests.get(url, timeout=5)
    ticket = next(iter(site.server.tickets))
    assert response.headers["WWW-Authenticate"] == (
        'UMA realm="Authorization required", '
        f"as_uri={site.server.issuer}/.well-known/uma2-configuration, ticket={ticket}"
    )
    assert split(response.headers["WWW-Authenticate"])["ticket"] == ticket


@pytest.mark.parametrize("style", ["gluu"])
def test_the_independent_client_cannot_read_gluus_style(site: Site, url: str) -> None:
    with uma_session(site) as session, pytest.raises(requests.exceptions.InvalidHeader):
        session.get(url)
