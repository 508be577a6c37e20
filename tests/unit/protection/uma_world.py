"""An authorization server with UMA resources, and a resource server that talks to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_gluu_changes.protection.http import Answer
from flask_gluu_changes.protection.uma import (
    Tickets,
    UmaResource,
)
from tests.support.scripted_server import (
    Call,
    ScriptedServer,
    StillClock,
    metadata_of,
    pat_client,
    protection_settings,
)

NAME = "Gluu resource changes"
NOW = 1_700_000_000.0


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


def described(**other: Any) -> dict[str, Any]:
    """Describe the resource as a server that has it does."""
    return {"name": NAME, "resource_scopes": ["list", "read", "more"], **other}
