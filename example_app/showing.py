"""What the demos print: the sample request, its answer, and how to repeat it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

from werkzeug.serving import BaseWSGIServer

PATIENCE = 60  # seconds to wait for the sample: a large directory may take its time


@dataclass(frozen=True)
class Shown:
    """An answer as it is printed: its status line, its challenge if there is one, its body."""

    status: str
    challenge: str
    body: str


def show_open(server: BaseWSGIServer, path: str) -> None:
    """Request a path and print its answer with its first entry."""
    print(ask(server, path).body)
    print(f"Ask it yourself:\n\n  curl '{url_of(server)}{path}'\n\n{_ending(server)}", flush=True)


def show_protected(server: BaseWSGIServer, path: str, token: str, curl_lines: str) -> None:
    """Request a path without a token and with one, and print both answers."""
    refused = ask(server, path)
    print(f"Without a token: {refused.status}\nWWW-Authenticate: {refused.challenge}")
    granted = ask(server, path, {"Authorization": f"Bearer {token}"})
    print(f"\nWith a token: {granted.status}\n{granted.body}")
    print(f"Ask it yourself:\n\n{curl_lines}\n{_ending(server)}", flush=True)


def url_of(server: BaseWSGIServer) -> str:
    """Return the URL at which a server listens."""
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"http://{host}:{server.port}"


def _ending(server: BaseWSGIServer) -> str:
    return f"The pages are at {url_of(server)}/  Ctrl-C ends it."


def ask(server: BaseWSGIServer, path: str, headers: Mapping[str, str] | None = None) -> Shown:
    """Send a request without a proxy; an error is an answer as well."""
    connection = HTTPConnection(server.host, server.port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        answer = connection.getresponse()
        body = _shortened(json.load(answer))
        challenge = answer.getheader("WWW-Authenticate", "")
        return Shown(f"{answer.status} {answer.reason}", challenge, body)
    except (OSError, HTTPException, ValueError) as error:
        return Shown("none", "", f"There was no answer: {error}")
    finally:
        connection.close()


def _shortened(page: dict[str, Any]) -> str:
    """Return an answer with the first of its entries, in ASCII for every terminal."""
    results = page.get("results", [])
    first = {**page, "results": results[:1]} if results else page
    more = f"\n... and {len(results) - 1} more." if len(results) > 1 else ""
    return json.dumps(first, indent=2) + more
