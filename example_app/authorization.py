"""An authorization server for the demo: canaille, in memory, on a free loopback port.

Its clients are made at every start, with new secrets; nothing is written to disk.
"""

from __future__ import annotations

import secrets
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import httpx
from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

SCOPE = "https://gluu.org/scim/users.read"
RESOURCE_SERVER = "changes-api"
CALLER = "changes-reader"


class DemoAuthorizationServer:
    """Runs canaille in a thread from `start` to `stop`; both can be called again.

    It knows two clients: the resource server, which may introspect, and a caller, which gets tokens
    by client_credentials.
    """

    def __init__(self) -> None:
        self.secrets = {name: secrets.token_urlsafe(24) for name in (RESOURCE_SERVER, CALLER)}
        self._server: BaseWSGIServer | None = self._listen(0, Flask(__name__))
        self._port = self._server.server_port
        self._app = self._server.app = _canaille(f"127.0.0.1:{self._port}")
        with self._app.app_context():
            _register_clients(self.secrets)

    @property
    def issuer(self) -> str:
        """The URL at which it listens, which is its issuer identifier as well."""
        return f"http://127.0.0.1:{self._port}"

    def settings(self) -> dict[str, str]:
        """Return the settings with which an application trusts this server."""
        return {
            "GLUU_CHANGES_PROTECTION": "oauth",
            "GLUU_CHANGES_ISSUER": self.issuer,
            "GLUU_CHANGES_CLIENT_ID": RESOURCE_SERVER,
            "GLUU_CHANGES_CLIENT_SECRET": self.secrets[RESOURCE_SERVER],
            "GLUU_CHANGES_SCOPE": SCOPE,
            "GLUU_CHANGES_AUDIENCE": RESOURCE_SERVER,
        }

    def curl_lines(self, url: str) -> str:
        """Return shell commands that get a token and request a URL without it and with it."""
        client = f"{CALLER}:{self.secrets[CALLER]}"
        return f"""\
curl -i '{url}'   # 401
TOKEN=$(curl -s -u '{client}' -d grant_type=client_credentials \\
  -d scope={SCOPE} {self.issuer}/oauth/token \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
curl -i -H "Authorization: Bearer $TOKEN" '{url}'   # 200
"""

    def fetch_token(self) -> str:
        """Return an access token for the caller, by client_credentials."""
        form = {"grant_type": "client_credentials", "scope": SCOPE}
        client = (CALLER, self.secrets[CALLER])
        with httpx.Client(trust_env=False) as http:
            answer = http.post(f"{self.issuer}/oauth/token", data=form, auth=client)
        return str(answer.raise_for_status().json()["access_token"])

    def start(self) -> None:
        """Start to answer."""
        self._server = self._server or self._listen(self._port, self._app)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections; clients and tokens are kept for the next start."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _listen(self, port: int, app: Flask) -> BaseWSGIServer:
        return make_server("127.0.0.1", port, app, threaded=True)

    def __enter__(self) -> DemoAuthorizationServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()


def _canaille(server_name: str) -> Flask:
    quiet = {"version": 1, "incremental": True, "loggers": {"canaille": {"level": "ERROR"}}}
    config: dict[str, Any] = {
        "SECRET_KEY": secrets.token_urlsafe(32),
        "SERVER_NAME": server_name,
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {"DATABASE": "memory", "LOGGING": quiet},
        "CANAILLE_OIDC": {},
    }
    app: Flask = create_app(config=config)
    return app


def _register_clients(known: dict[str, str]) -> None:
    """Make the clients; with canaille, a client may introspect tokens whose audience it is in.

    A caller therefore has the resource server in its audience.
    """
    clients = {name: _client(name, secret) for name, secret in known.items()}
    for client in clients.values():
        Backend.instance.save(client)
    for client in clients.values():
        client.audience = [clients[RESOURCE_SERVER]]
        Backend.instance.save(client)


def _client(name: str, secret: str) -> Any:
    return models.Client(
        client_id=name,
        client_name=name,
        client_secret=secret,
        client_id_issued_at=datetime.now(UTC),
        grant_types=["client_credentials"],
        scope=[SCOPE],
        token_endpoint_auth_method="client_secret_basic",  # noqa: S106
    )
