"""The protector in a host application: its routes, its own guard."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from authlib.integrations.flask_oauth2 import current_token, token_authenticated
from flask import Flask, Response, g, request
from flask_smorest import Api, Blueprint
from werkzeug.exceptions import HTTPException

from flask_gluu_changes import ConfigurationError, GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.protection import Guard, Protector
from tests.support.protection import PATH, PEOPLE, QUERY, MakeSite, Site, settings

PUBLIC = {"resource_changes", "livez", "readyz"}
ALL = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"}


@pytest.mark.parametrize("mode", ["oauth", "test", "uma"])
def test_every_route_of_the_blueprint_is_protected(
    make_site: MakeSite, host: str, mode: str
) -> None:
    site = make_site(mode, host)
    refused = set()
    for rule in site.app.url_map.iter_rules():
        if rule.endpoint.startswith("gluu_changes."):
            for method in (rule.methods or ALL) - {"OPTIONS"}:
                status = site.get(path=rule.rule, method=method).status_code
                named = rule.rule.rpartition("/")[2].partition(".")[0]
                public = named in PUBLIC and method in ("GET", "HEAD")
                assert status == (200 if public else 401), (rule, method)
                refused |= set() if public else {method}
    assert refused == ALL


def test_documents_and_options_are_public(make_site: MakeSite, host: str) -> None:
    site = make_site("oauth", host)
    for name in ("resource_changes.yaml", "resource_changes.openapi.json"):
        assert site.get(path=f"/identity/scim/{name}").status_code == 200
    assert site.get(method="OPTIONS").status_code == 200


def test_the_hosts_other_pages_are_not_touched(make_site: MakeSite) -> None:
    site = make_site("oauth")
    site.app.add_url_rule("/own", "own", lambda: "own")
    assert site.get(path="/own").status_code == 200
    assert site.get(path="/none").status_code == 404


def protect_own_route(site: Site, host: str) -> None:
    @site.protector.require("own.read")
    def own() -> dict[str, str]:
        return {"client": current_token["client_id"]}

    if host == "bare":
        site.app.add_url_rule("/own", "own", own)
        return
    blueprint = Blueprint("own", __name__)
    blueprint.add_url_rule("/own", view_func=own)
    site.app.register_blueprint(blueprint)


def test_a_host_protects_its_own_route(make_site: MakeSite, host: str) -> None:
    site = make_site("oauth", host)
    protect_own_route(site, host)
    assert site.get(path="/own").status_code == 401
    lacking = site.get(site.server.issue(), path="/own")
    assert lacking.status_code == 403
    assert 'scope="own.read"' in lacking.headers["WWW-Authenticate"]
    granted = site.get(site.server.issue("own.read"), path="/own")
    assert granted.json == {"client": "caller"}


@pytest.mark.parametrize("scopes", [("",), (" ",), ("own.read", ""), ("a b",), ('a"',), ("é",)])
@pytest.mark.parametrize("mode", ["oauth", "test", "uma"])
def test_a_route_that_names_no_scope_is_refused_at_once(
    make_site: MakeSite, mode: str, scopes: tuple[str, ...]
) -> None:
    """Every token would have it (RFC 6749, section 3.3)."""
    protector = make_site(mode).protector
    with pytest.raises(ConfigurationError, match="no list of scopes"):
        protector.require(*scopes)


@pytest.mark.parametrize("scopes", [[], [""], "", ["own.read", ""]], ids=repr)
def test_a_check_without_a_scope_lets_nobody_pass(make_site: MakeSite, scopes: Any) -> None:
    site = make_site("oauth")
    headers = {"Authorization": f"Bearer {site.server.issue()}"}
    with site.app.test_request_context(PATH, headers=headers):
        with pytest.raises(ConfigurationError, match="no list of scopes"):
            site.protector.check(scopes)
        with pytest.raises(HTTPException):
            site.protector.check("own.read")
    headers = {"Authorization": f"Bearer {site.server.issue('own.read')}"}
    with site.app.test_request_context(PATH, headers=headers):
        site.protector.check("own.read")
        site.protector.check(scope for scope in ["own.read"])


def test_a_refusal_keeps_its_challenge_in_a_view_of_the_hosts_api(make_site: MakeSite) -> None:
    site = make_site("oauth")
    api = Api(site.app)
    blueprint = Blueprint("smorest_own", __name__)

    @blueprint.route("/smorest")
    @site.protector.require()
    @blueprint.response(200)
    def own() -> dict[str, str]:
        return {}

    api.register_blueprint(blueprint)
    response = site.get(path="/smorest")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith('Bearer realm="SCIM"')


class PasswordGuard(Guard):
    """What a host might write itself."""

    def check(self, scopes: Iterable[str] | None = None) -> None:
        if request.headers.get("X-Password") != "sesame":
            raise HTTPException(response=Response("no", 401, {"WWW-Authenticate": "Own"}))


def test_a_host_passes_its_own_guard(host: str) -> None:
    app = Flask(__name__)
    app.config.update(API_TITLE="Host", API_VERSION="1", OPENAPI_VERSION="3.0.3")
    api = Api(app) if host == "api" else None
    guard = PasswordGuard()
    GluuChanges(app, backend=MemoryBackend(PEOPLE), api=api, protector=guard)
    client = app.test_client()
    refused = client.get(f"{PATH}?{QUERY}")
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Own")
    assert client.get(f"{PATH}?{QUERY}", headers={"X-Password": "sesame"}).status_code == 200
    assert guard.security_schemes("3.0.3") == ({}, [])


def test_one_token_does_not_outlive_its_request(make_site: MakeSite) -> None:
    site = make_site("oauth")
    token = site.server.issue()
    with site.app.test_client() as client:
        headers = {"Authorization": f"Bearer {token}"}
        assert client.get(f"{PATH}?{QUERY}", headers=headers).status_code == 200
        assert client.get(f"{PATH}?{QUERY}").status_code == 401


def test_who_listens_for_tokens_hears_of_one(make_site: MakeSite) -> None:
    """By Authlib's signal, as with its own protectors."""
    site = make_site("oauth")
    heard: list[Any] = []

    def hear(sender: object, token: Any = None) -> None:
        heard.append((type(sender).__name__, token["client_id"]))

    with token_authenticated.connected_to(hear):
        site.get(site.server.issue())
        site.get("unknown")
    assert heard == [("BearerProtector", "caller")]


def test_a_token_left_in_g_grants_nothing(make_site: MakeSite) -> None:
    site = make_site("oauth")
    with site.app.test_request_context(PATH):
        g.authlib_server_oauth2_token = {"active": True}
        with pytest.raises(HTTPException):
            site.protector.check()
        assert not current_token


def test_walks_of_two_clients_do_not_mix(make_site: MakeSite) -> None:
    site = make_site("oauth")
    one, other = site.server.issue(), site.server.issue(client_id="other")

    def names(token: str, start: int) -> list[str]:
        query = f"timeStamp=2020-01-01T00:00:00Z&pagesize=1&start={start}"
        page = site.get(token, query_string=query).json
        assert page is not None
        return [person["uid"][0] for person in page["results"]]

    site.backend.entries = [{**PEOPLE[0], "uid": [uid]} for uid in ("ada", "bob")]
    assert names(one, 0) == ["ada"]
    site.backend.entries = [{**PEOPLE[0], "uid": [uid]} for uid in ("ada", "zoe")]
    assert names(other, 0) == ["ada"]
    assert names(site.server.issue(), 1) == ["bob"]
    assert names(other, 1) == ["zoe"]


def test_without_a_protector_the_config_decides(server: Any) -> None:
    app = Flask(__name__)
    app.config.update(settings(server, "oauth"))
    GluuChanges(app, backend=MemoryBackend(PEOPLE))
    assert isinstance(app.extensions["gluu_changes"].protector, Protector)
    token = server.issue()
    client = app.test_client()
    assert client.get(f"{PATH}?{QUERY}").status_code == 401
    assert (
        client.get(f"{PATH}?{QUERY}", headers={"Authorization": f"Bearer {token}"}).status_code
        == 200
    )
    app.extensions["gluu_changes"].protector.close()
