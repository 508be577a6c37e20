"""The command `gluu-changes status`: what the server says of itself, and where this job is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import click
import httpx

from ..client import ChangesUnavailable
from ..client.exchange import Exchange
from ..client.urls import parsed_url
from ..errors import cause_of
from .credentials import authentication, checked_server
from .exit_codes import ExitCode
from .server_options import ServerOptions
from .source import TokenSource
from .state import State
from .target_options import StateOptions, TargetOptions
from .targets import state_of
from .time_stamps import TimeStampSource

SHOWN = 20
"""Records and removals that are named; `--json` names all."""

PROMISES = {kind.level: kind.promise for kind in (TokenSource, TimeStampSource)}

TIMES = ("succeeded_at", "full_at", "held_at")
SERVER_TIMEOUT = 30.0


def status(server: ServerOptions, place: StateOptions, *, as_json: bool) -> ExitCode:
    """Print the status; without the server's where it cannot be reached."""
    checked_server(server)
    own = _own(place)
    try:
        told: Mapping[str, Any] = _server(server)
    except ChangesUnavailable as error:
        _show(own, {"unavailable": str(error)}, as_json=as_json)
        return ExitCode.UNAVAILABLE
    _show(own, told, as_json=as_json)
    return ExitCode.DONE


def _own(place: StateOptions) -> dict[str, Any]:
    state = state_of(place, TargetOptions())
    if not state.database.is_there:
        return {"people": None}
    with closing(state.database.open(lock=False)):
        return _of_state(state) if state.is_there() else {"people": None}


def _of_state(state: State) -> dict[str, Any]:
    facts = state.facts()
    return {
        "people": state.count(),
        "level": facts.get("level"),
        **{name: facts.get(name) for name in TIMES},
        "set_aside": [
            {"id": aside.spooled.change.id, "reason": aside.reason, "at": aside.at}
            for aside in state.aside()
        ],
        "held": [{"id": id_, "inum": inum} for id_, inum in state.held()],
    }


def _server(server: ServerOptions) -> Mapping[str, Any]:
    """Return what the server says of its journal; nothing where it has none."""
    url = parsed_url(f"{server.url.rstrip('/')}/status", "the operation's URL")
    http = httpx.Client(auth=authentication(server), timeout=SERVER_TIMEOUT)
    with closing(http):
        try:
            answer = Exchange(http, SERVER_TIMEOUT).get(url, {}, {}, 0)
        except httpx.HTTPError as error:
            raise ChangesUnavailable(f"the server cannot be reached: {cause_of(error)}") from error
    try:
        told = answer.json() if answer.status_code == 200 else {}
    except ValueError:
        told = {}
    return told if isinstance(told, dict) else {}


def _show(own: Mapping[str, Any], server: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"own": own, "server": server}, indent=2))
        return
    for line in [*_server_lines(server), *_own_lines(own)]:
        click.echo(line)


def _server_lines(server: Mapping[str, Any]) -> Iterator[str]:
    if not server:
        yield "server: it tells no status; it has no journal, or does not show it"
    for name, value in server.items():
        yield f"server {_shown(name)}: {_shown(value)}"


def _own_lines(own: Mapping[str, Any]) -> Iterator[str]:
    if own["people"] is None:
        yield "own: nothing was pulled yet"
        return
    yield f"own people: {own['people']}"
    yield f"own level: {_level(own['level'])}"
    for name in TIMES:
        yield f"own {name}: {own[name] if own[name] is not None else 'never'}"
    for name in ("set_aside", "held"):
        yield f"own {name}: {len(own[name])}"
        yield from _some(own[name])


def _level(level: str | None) -> str:
    return f"{level} ({PROMISES[level]})" if level in PROMISES else "not known yet"


def _some(items: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Return lines that name the first items, and say how many there are besides."""
    for item in items[:SHOWN]:
        yield "  " + " ".join(_shown(value) for value in item.values() if value != "")
    if len(items) > SHOWN:
        yield f"  and {len(items) - SHOWN} more, which --json names"


def _shown(value: object) -> str:
    """Return a value for a terminal."""
    return "".join(c if c.isprintable() else " " for c in str(value))
