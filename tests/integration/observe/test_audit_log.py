"""The file of audit records under real servers: each request is there once, on its own line."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.support.apps import OPERATION
from tests.support.markers import TOKEN_SECRET
from tests.support.nodes import Node, Uwsgi
from tests.support.observed import settings, write_people
from tests.support.processes import HOST

pytestmark = pytest.mark.timeout(120)

APPLICATION = "tests.support.observed:create_app()"
CLIENTS, REQUESTS = 4, 150
NODES = {
    "gunicorn": (Node, Node.kind(2, 4)),
    "uWSGI": (Uwsgi, Uwsgi.kind(2, 2)),
    "uWSGI without threads": (Uwsgi, ["--processes", "2", "--max-requests", "150"]),
}


def ask(port: int, client: int) -> list[str]:
    """Ask again and again; return the ids of the requests that were answered."""
    answered = []
    with httpx.Client(base_url=f"http://{HOST}:{port}", timeout=20, trust_env=False) as http:
        for number in range(REQUESTS):
            sent = f"{client}-{number}"
            headers = {"X-Request-Id": sent, "Connection": "close"}  # the worker may be replaced
            answer = http.get(f"{OPERATION}?cursor=", headers=headers)
            assert answer.headers["X-Request-Id"] == sent
            answered.append(sent)
    return answered


@pytest.mark.parametrize("kind", NODES)
def test_each_request_is_on_record(kind: str, tmp_path: Path) -> None:
    """While workers are replaced, and at the end, when the server is told to stop."""
    node_class, options = NODES[kind]
    write_people(tmp_path, "ada")
    file = tmp_path / "audit.log"
    environment = settings(tmp_path, AUDIT_LOG=str(file), PROTECTION="bypass", ALLOW_BYPASS="true")
    environment["FLASK_SECRET_KEY"] = TOKEN_SECRET
    with node_class(environment, *options, application=APPLICATION) as node:
        with ThreadPoolExecutor(CLIENTS) as pool:
            asked = [*pool.map(partial(ask, node.port), range(CLIENTS))]
        node.stop()
    found = [json.loads(line)["request_id"] for line in file.read_text().splitlines()]
    answered = {sent for each in asked for sent in each}
    assert sorted(one for one in found if one in answered) == sorted(answered)
