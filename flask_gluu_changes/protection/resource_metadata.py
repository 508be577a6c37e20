"""The metadata of the protected resource, which tells clients where tokens come from (RFC 9728)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, request

from ..settings.protection import ProtectionSettings

WELL_KNOWN = "/.well-known/oauth-protected-resource"
ENDPOINT = "gluu_changes_resource_metadata"


class ResourceMetadata:
    """The document that names the authorization server and the scopes that tokens need.

    It is served at the bare well-known path and, for every protected path, with that path inserted
    after it (section 3.1).
    """

    def __init__(self, settings: ProtectionSettings, scopes: Iterable[str]) -> None:
        self._settings = settings
        self._scopes = list(scopes)
        self._paths: set[str] = set()

    def register(self, app: Flask, paths: Iterable[str]) -> None:
        """Serve the document on an application, for the paths of protected operations."""
        self._paths.update(paths, self._configured_paths())
        host = app.config.get("GLUU_CHANGES_URL_HOST")
        options = {"host": host} if host else {}
        for path in ("", *sorted(self._paths)):
            # Flask refuses dots in the name of an endpoint.
            endpoint = f"{ENDPOINT}{path}".replace(".", "_")
            if endpoint not in app.view_functions:
                rule, defaults = f"{WELL_KNOWN}{path}", {"path": path}
                app.add_url_rule(rule, endpoint, self._answer, defaults=defaults, **options)

    def url(self) -> str:
        """Return the URL of the document for the current request; empty if none is served."""
        if not self._paths:
            return ""
        if self._settings.resource:
            parts = urlsplit(self._settings.resource)
            return f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}{parts.path.rstrip('/')}"
        path = request.path if request.path in self._paths else ""
        return f"{request.url_root.rstrip('/')}{WELL_KNOWN}{path}"

    def _configured_paths(self) -> list[str]:
        path = urlsplit(self._settings.resource).path.rstrip("/")
        return [path] if path else []

    def _answer(self, path: str = "") -> Response:
        here = f"{request.url_root.rstrip('/')}{path}"
        document = {
            "resource": self._settings.resource or here,
            "authorization_servers": [self._settings.issuer],
            "scopes_supported": self._scopes,
            "bearer_methods_supported": ["header"],
        }
        response = jsonify({name: value for name, value in document.items() if value})
        response.headers["Cache-Control"] = "no-store"
        return response
