"""The resource is found by its name and scopes, else registered."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from flask_gluu_changes.protection.http import Answer, AuthorizationServerUnavailable
from tests.support.scripted_server import (
    ISSUER,
    Call,
)

from .uma_world import NAME, Registry, World, described


def test_a_configured_resource_is_not_looked_for() -> None:
    """Its id is what the settings say."""
    world = World(Registry(), uma_resource_id="fixed")
    assert world.resource.id() == "fixed"
    assert world.paths() == []


def test_the_resource_is_found_by_name_and_scopes() -> None:
    """The lowest id of several; one with another name, or without a scope, is another one."""
    registry = Registry(
        a=described(name="Other"),
        b=described(resource_scopes=["read"]),
        d=described(),
        c=described(),
        e=None,
    )
    assert World(registry).resource.id() == "c"


@pytest.mark.parametrize(
    "scopes",
    [
        {"resource_scopes": [{"name": "read"}, {"name": "list"}]},
        {"resource_scopes": ["read", {"name": "list"}]},
    ],
)
def test_scopes_may_be_objects_with_a_name(scopes: dict[str, Any]) -> None:
    """Keycloak describes them so."""
    assert World(Registry(a=described(**scopes))).resource.id() == "a"


def test_scopes_may_be_named_as_keycloak_names_them() -> None:
    """`scopes` where the standard has `resource_scopes`."""
    described = {"name": NAME, "scopes": [{"name": "read"}, {"name": "list"}]}
    assert World(Registry(a=described)).resource.id() == "a"


@pytest.mark.parametrize("scopes", ["read list", {"read": 1, "list": 1}, None, 1])
def test_scopes_that_are_no_list_are_none(scopes: object) -> None:
    """The resource is registered then."""
    world = World(Registry(a=described(resource_scopes=scopes)))
    assert world.resource.id() == "new"


def test_ids_are_quoted_in_urls() -> None:
    """Whatever an authorization server puts into them; what is no text is no id."""
    registry = Registry()
    registry.listing = Answer(200, ["a/b c", 1, None])
    registry.resources["a%2Fb%20c"] = described()
    world = World(registry)
    assert world.resource.id() == "a/b c"
    assert world.paths() == ["GET /resources", "GET /resources/a%2Fb%20c"]


@pytest.mark.parametrize("path", ["/resources", "/resources/", "/X", "/X/"])
def test_an_endpoint_may_end_in_a_slash(path: str) -> None:
    """The id is put behind exactly one."""

    def answer(call: Call) -> Answer:
        return Answer(200, ["a"] if call.path == path else described())

    world = World(answer, resource_registration_endpoint=f"{ISSUER}{path}")
    assert world.resource.id() == "a"
    assert world.paths() == [f"GET {path}", f"GET {path.rstrip('/')}/a"]


@pytest.mark.parametrize("status", [200, 201, 409])
def test_a_resource_that_is_missing_is_registered(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """And found again by its name, as another process may have been first (409)."""
    caplog.set_level(logging.INFO)
    registry = Registry()
    registry.registering = Answer(status, None)
    world = World(registry)
    assert world.resource.id() == "new"
    posted = [call.body for call in world.server.calls if call.method == "POST"]
    assert posted == [{"name": NAME, "resource_scopes": ["read", "list"]}]
    assert caplog.record_tuples == [
        (
            "flask_gluu_changes.protection.uma",
            logging.INFO,
            f"Registered the UMA resource {NAME!r}",
        )
    ]


def test_the_resource_is_looked_for_once_a_day() -> None:
    """Its id is remembered meanwhile."""
    world = World(Registry(a=described()))
    assert [world.resource.id(), world.resource.id()] == ["a", "a"]
    world.clock.pass_by(86_399)
    assert world.resource.id() == "a"
    assert world.paths() == ["GET /resources", "GET /resources/a"]
    world.clock.pass_by(1)
    assert world.resource.id() == "a"
    assert world.paths() == ["GET /resources", "GET /resources/a"]


@pytest.mark.parametrize(
    "listing", [Answer(403, ["a"]), Answer(200, {"a": 1}), Answer(200, None), Answer(201, ["a"])]
)
def test_a_server_that_does_not_list_resources(
    listing: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody can say then whether a permission is about ours."""
    registry = Registry(a=described())
    registry.listing = listing
    with pytest.raises(AuthorizationServerUnavailable):
        World(registry).resource.id()
    assert caplog.messages == [
        f"The authorization server does not list UMA resources: status {listing.status}"
    ]


@pytest.mark.parametrize("status", [202, 400, 403, 410])
def test_a_server_that_does_not_register_the_resource(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says what it answered."""
    registry = Registry()
    registry.registering = Answer(status, {"_id": "new"})
    with pytest.raises(AuthorizationServerUnavailable):
        World(registry).resource.id()
    assert caplog.messages == [
        f"The authorization server does not register UMA resources: status {status}"
    ]


def test_a_resource_that_is_not_there_after_its_registration(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is not registered again and again."""
    registry = Registry()
    registry.registers = False
    world = World(registry)
    with pytest.raises(AuthorizationServerUnavailable):
        world.resource.id()
    assert world.paths() == ["GET /resources", "POST /resources", "GET /resources"]
    assert caplog.messages == [
        "The UMA resource is not among the registered ones after its registration"
    ]


def test_a_resource_that_the_server_forgot_is_looked_for_anew() -> None:
    """A configured id cannot be."""
    registry = Registry(a=described())
    world = World(registry)
    assert world.resource.id() == "a"
    registry.resources = {"b": described()}
    assert world.resource.forget() is True
    assert world.resource.id() == "b"


def test_a_resource_is_forgotten_once_in_five_seconds() -> None:
    """Anybody may be the reason of it, and all resources are looked at."""
    registry = Registry(a=described())
    world = World(registry)
    assert (world.resource.id(), world.resource.forget()) == ("a", True)
    registry.resources = {"b": described()}
    for seconds, forgets in ((0, False), (4.75, False), (0.25, True), (4.75, False)):
        world.clock.pass_by(seconds)
        assert world.resource.forget() is forgets
    assert world.resource.id() == "b"


def test_whether_a_resource_exists_is_asked_without_registering_it() -> None:
    """A configured one by its id and scopes, another by its name as well."""
    registry = Registry(a=described(name="Other"))
    world = World(registry)
    assert world.resource.exists() is False
    registry.resources["b"] = described()
    assert world.resource.exists() is True
    assert {path.partition(" ")[0] for path in world.paths()} == {"GET"}
    for id_, exists in (("a", True), ("c", False)):
        configured = World(registry, uma_resource_id=id_)
        assert configured.resource.exists() is exists
        assert configured.paths() == [f"GET /resources/{id_}"]
    registry.resources["a"] = described(resource_scopes=["read"])
    assert World(registry, uma_resource_id="a").resource.exists() is False


def test_a_configured_resource_is_not_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    """The log says what an operator must mend."""
    world = World(Registry(), uma_resource_id="fixed")
    assert world.resource.forget() is False
    assert (world.resource.id(), world.paths()) == ("fixed", [])
    assert caplog.messages == [
        "The authorization server does not know the configured UMA resource id"
    ]


def test_an_id_that_no_url_can_hold_is_nobody_s() -> None:
    """JSON can hold a lone surrogate."""
    registry = Registry()
    registry.listing = Answer(200, ["\ud800"])
    with pytest.raises(AuthorizationServerUnavailable):
        World(registry).resource.id()
