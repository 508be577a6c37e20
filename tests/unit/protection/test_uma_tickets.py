"""Permission tickets are asked for, in the form that the server takes."""

from __future__ import annotations

from typing import Any

import pytest

from flask_gluu_changes.protection.http import Answer, AuthorizationServerUnavailable
from tests.support.scripted_server import (
    Call,
)

from .uma_world import Registry, World, described

REFUSED = Answer(400, {"error": "invalid_request"})
UNKNOWN = Answer(400, {"error": "invalid_resource_id"})


class Permissions:
    """A permission endpoint that gives its answers in turn."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = iter(answers)

    def __call__(self, call: Call) -> Answer:
        """Give the next answer."""
        return next(self._answers) if call.path == "/permission" else Registry(a=described())(call)


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
