"""A private Keycloak: its own folder, its own loopback port, an embedded database."""

from __future__ import annotations

import tarfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from tests.support.slapd import HOST, free_port

from .downloads import KEYCLOAK, fetch
from .program import Program

ADMIN = "admin"
PASSWORD = "admin-secret"
REALM = "people"


class Keycloak:
    """Runs in `folder` from the start of the `with` to its end."""

    def __init__(self, folder: Path) -> None:
        _unpack(fetch(KEYCLOAK), folder)
        home = folder / f"keycloak-{KEYCLOAK.version}"
        self.url = f"http://{HOST}:{free_port()}"
        self._session = requests.Session()
        self._program = Program(
            [str(home / "bin" / "kc.sh"), "start-dev", *self._options()],
            log=folder / "keycloak.log",
            ready="Listening on:",
            environment={
                "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN,
                "KC_BOOTSTRAP_ADMIN_PASSWORD": PASSWORD,
            },
        )

    @property
    def issuer(self) -> str:
        """The issuer of the realm that the tests use."""
        return f"{self.url}/realms/{REALM}"

    @property
    def token_endpoint(self) -> str:
        """Where its clients get tokens."""
        return f"{self.issuer}/protocol/openid-connect/token"

    def start(self) -> None:
        """Start it, and return when it answers."""
        self._program.start()

    def stop(self) -> None:
        """End it; what it knows stays in its folder."""
        self._program.stop()

    def create(self, path: str, body: dict[str, Any]) -> str:
        """Create something by the admin REST API; gives its id."""
        answer = self._session.post(
            f"{self.url}/admin/realms{path}", json=body, headers=self._bearer(), timeout=60
        )
        assert answer.status_code == 201, (path, answer.status_code, answer.text)
        return answer.headers["Location"].rpartition("/")[2]

    def get(self, path: str) -> Any:
        """Read something by the admin REST API."""
        answer = self._session.get(
            f"{self.url}/admin/realms{path}", headers=self._bearer(), timeout=60
        )
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    def change(self, method: str, path: str, body: Any) -> None:
        """Change something by the admin REST API."""
        answer = self._session.request(
            method, f"{self.url}/admin/realms{path}", json=body, headers=self._bearer(), timeout=60
        )
        assert answer.status_code in (200, 204), (path, answer.status_code, answer.text)

    def token(self, client: str, secret: str, **form: str) -> str:
        """Get an access token by client credentials."""
        return self._token(self.token_endpoint, client, secret, form)

    def revoke(self, token: str, client: str, secret: str) -> None:
        """End an access token's life."""
        url = f"{self.issuer}/protocol/openid-connect/revoke"
        answer = self._session.post(url, {"token": token}, auth=(client, secret), timeout=10)
        assert answer.status_code == 200, answer.text

    def _token(self, url: str, client: str, secret: str, form: dict[str, str]) -> str:
        wanted = {"grant_type": "client_credentials", **form}
        answer = self._session.post(url, wanted, auth=(client, secret), timeout=10)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def _bearer(self) -> dict[str, str]:
        form = {"grant_type": "password", "username": ADMIN, "password": PASSWORD}
        url = f"{self.url}/realms/master/protocol/openid-connect/token"
        answer = self._session.post(url, {**form, "client_id": "admin-cli"}, timeout=60)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def _options(self) -> list[str]:
        port = self.url.rpartition(":")[2]
        return [f"--http-host={HOST}", f"--http-port={port}"]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()
        self._session.close()


def _unpack(file: Path, folder: Path) -> None:
    """Unpack a tar file whose digest was compared.

    Python 3.11.2, Debian 12's, has no extraction filters yet: there the digest alone says that
    the archive holds nothing but what it should.
    """
    with tarfile.open(file) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)
