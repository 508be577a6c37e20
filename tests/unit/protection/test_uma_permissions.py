"""The resource is found or registered, permissions on it are read, and tickets are asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from authlib.oauth2.rfc6750 import InsufficientScopeError, InvalidTokenError

from flask_gluu_changes.protection.credentials import AuthenticatedClient
from flask_gluu_changes.protection.http import Answer, AuthorizationServerUnavailable
from flask_gluu_changes.protection.uma import (
    RptValidator,
    Tickets,
    UmaResource,
    granted_scopes,
)
from tests.support.scripted_server import (
    ISSUER,
    Call,
    ScriptedServer,
    StillClock,
    metadata_of,
    pat_client,
    protection_settings,
)

NAME = "Gluu resource changes"
NOW = 1_700_000_000.0
REFUSED = Answer(400, {"error": "invalid_request"})
UNKNOWN = Answer(400, {"error": "invalid_resource_id"})


class Registry:
    """The resources of an authorization server, as the standard describes them."""

    def __init__(self, **resources: Any) -> None:
        self.resources: dict[str, Any] = resources
        self.listing: Answer | None = None
        self.registering: Answer = Answer(201, {"_id": "new"})
        self.registers = True

    def __call__(self, call: Call) -> Answer:
        """Answer a call."""
        if call.path == "/resources" and call.method == "GET":
            return self.listing or Answer(200, [*self.resources])
        if call.path == "/resources":
            if self.registers:
                self.resources["new"] = call.body
            return self.registering
        return Answer(200, self.resources.get(call.path.removeprefix("/resources/")))


class World:
    """A resource server and what it talks to."""

    def __init__(self, answer: Callable[[Call], Answer], **settings: Any) -> None:
        self.clock = StillClock()
        self.server = ScriptedServer(answer)
        chosen = protection_settings(**{"uma_scope": ("read", "list"), **settings})
        self.settings = chosen
        self.metadata = metadata_of(self.server, chosen, self.clock)
        self.pat = pat_client(self.server, chosen, self.clock)
        self.resource = UmaResource(chosen, self.pat, self.metadata, self.clock)
        self.tickets = Tickets(self.pat, self.metadata, self.resource)

    def paths(self) -> list[str]:
        """List what was asked for, and forget it."""
        asked = [f"{call.method} {call.path}" for call in self.server.calls]
        self.server.calls.clear()
        return asked


def _described(**other: Any) -> dict[str, Any]:
    return {"name": NAME, "resource_scopes": ["list", "read", "more"], **other}


def test_a_configured_resource_is_not_looked_for() -> None:
    """Its id is what the settings say."""
    world = World(Registry(), uma_resource_id="fixed")
    assert world.resource.id() == "fixed"
    assert world.paths() == []


def test_the_resource_is_found_by_name_and_scopes() -> None:
    """The lowest id of several; one with another name, or without a scope, is another one."""
    registry = Registry(
        a=_described(name="Other"),
        b=_described(resource_scopes=["read"]),
        d=_described(),
        c=_described(),
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
    assert World(Registry(a=_described(**scopes))).resource.id() == "a"


def test_scopes_may_be_named_as_keycloak_names_them() -> None:
    """`scopes` where the standard has `resource_scopes`."""
    described = {"name": NAME, "scopes": [{"name": "read"}, {"name": "list"}]}
    assert World(Registry(a=described)).resource.id() == "a"


@pytest.mark.parametrize("scopes", ["read list", {"read": 1, "list": 1}, None, 1])
def test_scopes_that_are_no_list_are_none(scopes: object) -> None:
    """The resource is registered then."""
    world = World(Registry(a=_described(resource_scopes=scopes)))
    assert world.resource.id() == "new"


def test_ids_are_quoted_in_urls() -> None:
    """Whatever an authorization server puts into them; what is no text is no id."""
    registry = Registry()
    registry.listing = Answer(200, ["a/b c", 1, None])
    registry.resources["a%2Fb%20c"] = _described()
    world = World(registry)
    assert world.resource.id() == "a/b c"
    assert world.paths() == ["GET /resources", "GET /resources/a%2Fb%20c"]


@pytest.mark.parametrize("path", ["/resources", "/resources/", "/X", "/X/"])
def test_an_endpoint_may_end_in_a_slash(path: str) -> None:
    """The id is put behind exactly one."""

    def answer(call: Call) -> Answer:
        return Answer(200, ["a"] if call.path == path else _described())

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
    world = World(Registry(a=_described()))
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
    registry = Registry(a=_described())
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
    registry = Registry(a=_described())
    world = World(registry)
    assert world.resource.id() == "a"
    registry.resources = {"b": _described()}
    assert world.resource.forget() is True
    assert world.resource.id() == "b"


def test_a_configured_resource_is_not_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    """The log says what an operator must mend."""
    world = World(Registry(), uma_resource_id="fixed")
    assert world.resource.forget() is False
    assert (world.resource.id(), world.paths()) == ("fixed", [])
    assert caplog.messages == [
        "The authorization server does not know the configured UMA resource id"
    ]


GRANT = {"resource_id": "ours", "resource_scopes": ["read"]}


@pytest.mark.parametrize(
    ("permissions", "scopes"),
    [
        ([GRANT], {"read"}),
        ([GRANT, {"resource_id": "ours", "resource_scopes": ["list"]}], {"read", "list"}),
        ([{"rsid": "ours", "scopes": ["read", "list"]}], {"read", "list"}),
        ([{"resource_id": "ours", "resource_scopes": "read"}], {"read"}),
        ([{**GRANT, "exp": NOW + 1}], {"read"}),
        ([{**GRANT, "exp": NOW}], set()),
        ([{**GRANT, "nbf": NOW + 60}], set()),
        ([{**GRANT, "exp": NOW - 1}, {"rsid": "ours", "scopes": ["list"]}], {"list"}),
        ([{**GRANT, "resource_id": "other"}], set()),
        ([{**GRANT, "resource_id": "other", "rsid": "ours"}], set()),
        ([{**GRANT, "resource_scopes": [], "scopes": ["list"]}], set()),
        ([{"resource_id": "ours"}], set()),
        (["ours", GRANT], {"read"}),
        ({"resource_id": "ours"}, set()),
        (None, set()),
    ],
)
def test_scopes_are_granted_by_permissions_on_our_resource_that_are_in_force(
    permissions: Any, scopes: set[str]
) -> None:
    """Whatever else the token holds."""
    assert granted_scopes({"permissions": permissions}, "ours", NOW) == scopes


def test_a_token_without_permissions_grants_nothing() -> None:
    """It may be an access token."""
    assert granted_scopes({}, "ours", NOW) == set()


def _validator(answer: Callable[[Call], Answer]) -> tuple[RptValidator, World]:
    world = World(answer, uma_resource_id="ours")
    client = AuthenticatedClient(world.settings, world.server, world.metadata)
    made = RptValidator(world.settings, client, world.metadata, world.clock, world.resource)
    return made, world


def _rpt(**other: Any) -> dict[str, Any]:
    grant = {"resource_id": "ours", "resource_scopes": ["read", "list"]}
    return {"active": True, "exp": NOW + 60, "permissions": [grant], "scope": [], **other}


def test_an_rpt_is_introspected_as_one() -> None:
    """The hint says what it is."""
    validator, world = _validator(lambda call: Answer(200, _rpt()))
    claims = validator.introspect_token("the-rpt")
    assert claims["permissions"] == _rpt()["permissions"]
    assert [call.path for call in world.server.calls] == ["/introspect"]
    assert world.server.calls[0].body == "token=the-rpt&token_type_hint=requesting_party_token"


@pytest.mark.parametrize("scopes", [["read"], ["read list"], ["list", "read"]])
def test_a_permission_for_all_wanted_scopes_is_enough(scopes: list[str]) -> None:
    """However they are written in the settings."""
    validator, _ = _validator(lambda call: Answer(200, None))
    validator.validate_token(_rpt(), scopes, None)


@pytest.mark.parametrize("scopes", [["read", "write"], ["read write"], [], None, [""]])
def test_a_scope_that_is_missing_refuses_the_token(scopes: list[str] | None) -> None:
    """And where none is wanted, none is granted: no setting opens the door to everybody."""
    validator, _ = _validator(lambda call: Answer(200, None))
    with pytest.raises(InsufficientScopeError):
        validator.validate_token(_rpt(), scopes, None)


@pytest.mark.parametrize("token", [{}, _rpt(exp=NOW - 1), _rpt(active=False)])
def test_a_dead_rpt_is_refused(token: dict[str, Any]) -> None:
    """Whatever it granted."""
    validator, _ = _validator(lambda call: Answer(200, None))
    with pytest.raises(InvalidTokenError):
        validator.validate_token(token, ["read"], None)


def test_a_permission_that_ended_grants_nothing_to_a_token_that_lives() -> None:
    """By the clock of this server."""
    validator, world = _validator(lambda call: Answer(200, None))
    grant = {"resource_id": "ours", "resource_scopes": ["read"], "exp": NOW + 5}
    token = _rpt(permissions=[grant])
    validator.validate_token(token, ["read"], None)
    world.clock.pass_by(5)
    with pytest.raises(InsufficientScopeError):
        validator.validate_token(token, ["read"], None)


class Permissions:
    """A permission endpoint that gives its answers in turn."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = iter(answers)

    def __call__(self, call: Call) -> Answer:
        """Give the next answer."""
        return next(self._answers) if call.path == "/permission" else Registry(a=_described())(call)


def _bodies(world: World) -> list[Any]:
    return [call.body for call in world.server.calls if call.path == "/permission"]


@pytest.mark.parametrize("status", [200, 201])
def test_a_ticket_is_what_the_server_answers(status: int) -> None:
    """For the permission that was lacking."""
    world = World(Permissions(Answer(status, {"ticket": "t-1"})), uma_resource_id="ours")
    assert world.tickets.issue(("read", "list")) == "t-1"
    assert _bodies(world) == [{"resource_id": "ours", "resource_scopes": ["read", "list"]}]
    assert world.server.calls[0].method == "POST"


def test_a_server_that_wants_a_list_gets_one_from_then_on() -> None:
    """Keycloak reads nothing else."""
    answers = [REFUSED, *(Answer(201, {"ticket": f"t-{i}"}) for i in range(2))]
    world = World(Permissions(*answers), uma_resource_id="ours")
    assert [world.tickets.issue(["read"]) for _ in range(2)] == ["t-0", "t-1"]
    one = {"resource_id": "ours", "resource_scopes": ["read"]}
    assert _bodies(world) == [one, [one], [one]]


def test_a_server_that_refuses_a_list_too_is_asked_both_ways_again() -> None:
    """The refusal had another reason."""
    answers = [REFUSED, Answer(300, None), REFUSED, REFUSED]
    world = World(Permissions(*answers), uma_resource_id="ours")
    for _ in range(2):
        with pytest.raises(AuthorizationServerUnavailable):
            world.tickets.issue(["read"])
    assert [type(body) for body in _bodies(world)] == [dict, list, dict, list]


def test_a_resource_that_the_server_does_not_know_is_looked_for_anew() -> None:
    """And the permission is asked for once more."""
    world = World(Permissions(UNKNOWN, Answer(201, {"ticket": "t"})))
    assert world.tickets.issue(["read"]) == "t"
    one = {"resource_id": "a", "resource_scopes": ["read"]}
    assert _bodies(world) == [one, one]
    assert world.paths().count("GET /resources") == 2


def test_an_unknown_resource_is_looked_for_only_once() -> None:
    """A server that insists is not asked for ever."""
    world = World(Permissions(UNKNOWN, UNKNOWN, UNKNOWN))
    with pytest.raises(AuthorizationServerUnavailable):
        world.tickets.issue(["read"])
    assert len(_bodies(world)) == 2


def test_an_unknown_resource_that_is_configured_is_not_asked_for_again() -> None:
    """Only an operator can mend that."""
    world = World(Permissions(UNKNOWN, UNKNOWN), uma_resource_id="ours")
    with pytest.raises(AuthorizationServerUnavailable):
        world.tickets.issue(["read"])
    assert len(_bodies(world)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(403, {"ticket": "t"}),
        Answer(202, {"ticket": "t"}),
        Answer(201, {}),
        Answer(201, None),
        Answer(201, {"ticket": 1}),
        Answer(201, {"ticket": ""}),
        Answer(201, {"ticket": 'a"b'}),
        Answer(201, {"ticket": "a\\b"}),
        Answer(201, {"ticket": "a\nb"}),
        Answer(201, {"ticket": "é"}),
        Answer(201, {"ticket": "x" * 4097}),
    ],
)
def test_no_ticket_can_be_had(answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    """Nor is anything passed on that could not stand in a header between quotes."""
    world = World(Permissions(answer), uma_resource_id="ours")
    with pytest.raises(AuthorizationServerUnavailable):
        world.tickets.issue(["read"])
    assert caplog.messages == [f"There is no permission ticket to be had: status {answer.status}"]


@pytest.mark.parametrize("ticket", ["x" * 4096, "!#[]~ ", "a-b.c_d"])
def test_tickets_of_all_quotable_letters(ticket: str) -> None:
    """Up to 4096 of them."""
    world = World(Permissions(Answer(201, {"ticket": ticket})), uma_resource_id="ours")
    assert world.tickets.issue(["read"]) == ticket
