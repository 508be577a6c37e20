"""Our resource at the authorization server: configured, found again by its name, or registered."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from urllib.parse import quote

from .clock import Clock
from .discovery import ServerMetadata
from .errors import AuthorizationServerUnavailable
from .http import Answer
from .kept import Kept
from .pat import PatClient
from .settings import ProtectionSettings

log = logging.getLogger(__name__)

KEPT_SECONDS = 86_400.0


class UmaResource:
    """Knows the id of the resource that permissions are about (UMA federated, section 3)."""

    def __init__(
        self,
        settings: ProtectionSettings,
        pat: PatClient,
        metadata: ServerMetadata,
        clock: Clock,
    ) -> None:
        self._configured = settings.uma_resource_id
        self._name = settings.uma_resource_name
        self._scopes = list(settings.uma_scope)
        self._pat = pat
        self._metadata = metadata
        self._registered = Kept(self._find_or_register, clock)

    def id(self) -> str:
        """Give the id; AuthorizationServerUnavailable where it cannot be found out."""
        return self._configured or self._registered.get()

    def forget(self) -> bool:
        """Look for it anew, because the server knows it no more; False for a configured id."""
        if self._configured:
            log.error("The authorization server does not know the configured UMA resource id")
            return False
        self._registered.renew(self._registered.get())
        return True

    def _find_or_register(self) -> tuple[str, float]:
        found = self._find()
        if found is None:
            self._register()
            found = self._find()
        if found is None:
            log.error("The UMA resource is not among the registered ones after its registration")
            raise AuthorizationServerUnavailable
        return found, KEPT_SECONDS

    def _find(self) -> str | None:
        """Find it by name; the lowest id of several, so that all processes choose the same."""
        listed = self._pat.get(self._endpoint())
        if listed.status != 200 or not isinstance(listed.json, list):
            raise _failure("list", listed)
        ids = sorted(entry for entry in listed.json if isinstance(entry, str))
        return next((entry for entry in ids if self._is_ours(entry)), None)

    def _is_ours(self, resource_id: str) -> bool:
        url = f"{self._endpoint().rstrip('/')}/{quote(resource_id, safe='')}"
        described = self._pat.get(url).object
        scopes = described.get("resource_scopes", described.get("scopes"))
        return described.get("name") == self._name and _has_all(scopes, self._scopes)

    def _register(self) -> None:
        body = {"name": self._name, "resource_scopes": self._scopes}
        answer = self._pat.post_json(self._endpoint(), body)
        if answer.status not in (200, 201) and answer.status != 409:
            raise _failure("register", answer)
        log.info("Registered the UMA resource %r", self._name)

    def _endpoint(self) -> str:
        return self._metadata.endpoint("resource_registration_endpoint")


def _has_all(scopes: object, wanted: list[str]) -> bool:
    """Compare scopes; Keycloak describes each as an object with a name."""
    given = scopes if isinstance(scopes, list) else []
    names = [entry.get("name") if isinstance(entry, Mapping) else entry for entry in given]
    return all(scope in names for scope in wanted)


def _failure(what: str, answer: Answer) -> AuthorizationServerUnavailable:
    log.error("The authorization server does not %s UMA resources: status %s", what, answer.status)
    return AuthorizationServerUnavailable()
