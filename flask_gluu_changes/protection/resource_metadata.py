"""The metadata of the protected resource, which tells clients where tokens come from (RFC 9728)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, request

from ..settings.protection import ProtectionSettings

WELL_KNOWN = "/.well-known/oauth-protected-resource"
ENDPOINT = "gluu_changes_resource_metadata"


class ResourceMetadata:
    """A document for each protected operation: the authorization server, and the scopes to ask for.

    It is served where `GLUU_CHANGES_RESOURCE` names the resource: without that only the Host
    header could, which is the client's own text. Each document says the very URL that the client
    asked for, or the client must not use it (section 3.3).
    """

    def __init__(self, settings: ProtectionSettings, scopes: Iterable[str]) -> None:
        self._settings = settings
        self._scopes = list(scopes)
        self._resources: dict[str, str] = {}

    def register(self, app: Flask, paths: Iterable[str]) -> None:
        """Serve the documents on an application.

        Args:
            app: The application.
            paths: The paths of the operations in it; the first is that of the configured URL, which
                the others begin with.
        """
        if not self._settings.resource:
            return
        operation, *others = paths
        public = self._settings.resource.rstrip("/")
        self._resources[operation] = self._settings.resource
        self._resources.update((path, public + path.removeprefix(operation)) for path in others)
        host = app.config.get("GLUU_CHANGES_URL_HOST")
        options = {"host": host} if host else {}
        for resource in self._resources.values():
            path = urlsplit(metadata_url(resource)).path
            # Flask refuses dots in the name of an endpoint.
            endpoint = f"{ENDPOINT}{path}".replace(".", "_")
            app.add_url_rule(path, endpoint, partial(self._answer, resource), **options)

    def url(self) -> str:
        """Return the URL of the document about the current request's path; empty without one."""
        resource = self._resources.get(request.path)
        return metadata_url(resource) if resource else ""

    def _answer(self, resource: str) -> Response:
        document = {
            "resource": resource,
            "authorization_servers": [self._settings.issuer],
            "scopes_supported": self._scopes,
            "bearer_methods_supported": ["header"],
        }
        response = jsonify({name: value for name, value in document.items() if value})
        response.headers["Cache-Control"] = "no-store"
        return response


def metadata_url(resource: str) -> str:
    """Return where the metadata of a resource is: between host and path (section 3.1)."""
    parts = urlsplit(resource)
    return f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}{parts.path.rstrip('/')}"
