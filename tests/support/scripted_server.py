"""An authorization server without a network: a test says what it answers, and sees what it gets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flask_gluu_changes.protection.caching import Clock
from flask_gluu_changes.protection.credentials import AuthenticatedClient, PatClient
from flask_gluu_changes.protection.discovery import ServerMetadata
from flask_gluu_changes.protection.http import Answer, Control, HttpClient
from flask_gluu_changes.settings.protection import ProtectionSettings

ISSUER = "https://as.example"


class StillClock(Clock):
    """Time that passes when a test says so; the wall clock and the other one differ."""

    def __init__(self) -> None:
        self.wall = 1_700_000_000.0
        self.uptime = 1_000.0

    def now(self) -> float:
        return self.wall

    def elapsed(self) -> float:
        return self.uptime

    def pass_by(self, seconds: float) -> None:
        """Let both clocks go on."""
        self.wall += seconds
        self.uptime += seconds


class Call(NamedTuple):
    """What was asked: method, path, and the JSON or the form of the body."""

    method: str
    path: str
    body: Any


class ScriptedServer(HttpClient):
    """Answers by `answer`, which gets each call but those for a PAT."""

    def __init__(self, answer: Callable[[Call], Answer]) -> None:  # and reads no certificates
        self.answer = answer
        self.calls: list[Call] = []

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: str | None = None,
        *,
        control: Control | None = None,
    ) -> Answer:
        """Note the call and answer it."""
        path = url.removeprefix(ISSUER)
        if path == "/token":
            return Answer(200, {"access_token": "pat", "expires_in": 86_400})
        is_json = headers.get("Content-Type") == "application/json"
        call = Call(method, path, json.loads(content or "") if is_json else content)
        self.calls.append(call)
        return self.answer(call)


def protection_settings(**more: Any) -> ProtectionSettings:
    """Give the settings of a resource server, its endpoints fixed so that nothing is discovered."""
    endpoints = {
        "token_endpoint": f"{ISSUER}/token",
        "introspection_endpoint": f"{ISSUER}/introspect",
        "jwks_uri": f"{ISSUER}/jwks",
        "permission_endpoint": f"{ISSUER}/permission",
        "resource_registration_endpoint": f"{ISSUER}/resources",
    }
    client = {"issuer": ISSUER, "client_id": "rs", "client_secret": "secret"}
    mode = {"protection": "uma", "scope": ()}
    return ProtectionSettings(**{**endpoints, **client, **mode, **more})


def metadata_of(server: HttpClient, settings: ProtectionSettings, clock: Clock) -> ServerMetadata:
    """Give the metadata of a server."""
    return ServerMetadata(settings, server, clock)


def pat_client(server: HttpClient, settings: ProtectionSettings, clock: Clock) -> PatClient:
    """Give the client that calls with a PAT."""
    metadata = metadata_of(server, settings, clock)
    return PatClient(
        AuthenticatedClient(settings, server, metadata), server, metadata, "uma_protection", clock
    )
