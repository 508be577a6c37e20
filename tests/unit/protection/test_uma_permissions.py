"""Permissions on our resource are read out of a token, and nothing else grants anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from authlib.oauth2.rfc6750 import InsufficientScopeError, InvalidTokenError

from flask_gluu_changes.protection.credentials import AuthenticatedClient
from flask_gluu_changes.protection.http import Answer
from flask_gluu_changes.protection.uma import (
    RptValidator,
    granted_scopes,
)
from tests.support.scripted_server import (
    Call,
)

from .uma_world import NOW, World

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
