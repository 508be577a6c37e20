"""UMA 2.0: what a requesting party token must grant, and the ticket for a client without one.

The resource at the authorization server is configured, found again by its name, or registered.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from authlib.oauth2.rfc6750 import InsufficientScopeError

from ..settings.protection import ProtectionSettings
from .caching import CachedValue, Clock
from .claims import Claims, as_texts, is_in_force
from .credentials import PatClient
from .discovery import ServerMetadata
from .http import Answer, AuthorizationServerUnavailable
from .introspection import FormCaller, IntrospectionValidator

log = logging.getLogger(__name__)

TTL_SECONDS = 86_400.0
"""How long the id of a resource that was found or registered is trusted."""


FORGET_SECONDS = 5.0
"""The resource is looked for anew at most once in this time: anybody may be the reason of it."""


class UmaResource:
    """The resource that permissions are about (UMA federated authorization, section 3)."""

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
        self._clock = clock
        self._forgotten_at = -math.inf
        self._registered = CachedValue(self._find_or_register, clock)

    def id(self) -> str:
        """Return the id, or raise AuthorizationServerUnavailable if it cannot be found out."""
        return self._configured or self._registered.get()

    def exists(self) -> bool:
        """Return whether the server has the resource with its scopes; nothing is registered."""
        if self._configured:
            return self._has_scopes(self._described(self._configured))
        return self._find() is not None

    def forget(self) -> bool:
        """Find or register the resource anew, because the server does not know the id any more.

        Returns:
            False for a configured id, which cannot be replaced, and a moment after the last time.
        """
        if self._configured:
            log.error("The authorization server does not know the configured UMA resource id")
            return False
        if self._clock.elapsed() < self._forgotten_at + FORGET_SECONDS:
            return False
        self._forgotten_at = self._clock.elapsed()
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
        return found, TTL_SECONDS

    def _find(self) -> str | None:
        """Find the id by name; the lowest of several, so that all processes choose the same."""
        listed = self._pat.get(self._endpoint())
        if listed.status != 200 or not isinstance(listed.json, list):
            raise _failure("list", listed)
        ids = sorted(entry for entry in listed.json if isinstance(entry, str))
        return next((entry for entry in ids if self._is_ours(entry)), None)

    def _is_ours(self, resource_id: str) -> bool:
        described = self._described(resource_id)
        return described.get("name") == self._name and self._has_scopes(described)

    def _described(self, resource_id: str) -> Mapping[str, Any]:
        url = f"{self._endpoint().rstrip('/')}/{quote(resource_id, safe='', errors='replace')}"
        return self._pat.get(url).object

    def _has_scopes(self, described: Mapping[str, Any]) -> bool:
        scopes = described.get("resource_scopes", described.get("scopes"))
        return _has_all(scopes, self._scopes)

    def _register(self) -> None:
        body = {"name": self._name, "resource_scopes": self._scopes}
        answer = self._pat.post_json(self._endpoint(), body)
        # 409: the name is taken, because another process has registered it meanwhile.
        if answer.status not in (200, 201, 409):
            raise _failure("register", answer)
        log.info("Registered the UMA resource %r", self._name)

    def _endpoint(self) -> str:
        return self._metadata.endpoint("resource_registration_endpoint")


def _has_all(scopes: object, wanted: list[str]) -> bool:
    """Return whether all scopes are there; Keycloak describes each as an object with a name."""
    given = scopes if isinstance(scopes, list) else []
    names = [entry.get("name") if isinstance(entry, Mapping) else entry for entry in given]
    return all(scope in names for scope in wanted)


def _failure(what: str, answer: Answer) -> AuthorizationServerUnavailable:
    log.error("The authorization server does not %s UMA resources: status %s", what, answer.status)
    return AuthorizationServerUnavailable()


class RptValidator(IntrospectionValidator):
    """Accepts a token with permissions on our resource, for all scopes and not expired.

    Gluu's server looks neither at the resource nor at the permissions' expiry.
    """

    hint = "requesting_party_token"

    def __init__(
        self,
        settings: ProtectionSettings,
        caller: FormCaller,
        metadata: ServerMetadata,
        clock: Clock,
        resource: UmaResource,
    ) -> None:
        super().__init__(settings, caller, metadata, clock)
        self._resource = resource

    def validate_token(self, token: Claims, scopes: Sequence[str] | None, request: Any) -> None:
        """Raise Authlib's InvalidTokenError or InsufficientScopeError for what may not pass."""
        super().validate_token(token, None, request)
        wanted = {name for text in scopes or () for name in text.split()}
        granted = granted_scopes(token, self._resource.id(), self._clock.now())
        if not wanted or not wanted <= granted:
            raise InsufficientScopeError


def granted_scopes(claims: Claims, resource_id: str, now: float) -> set[str]:
    """Return the scopes of a resource in the permissions that are in force.

    Keycloak writes `rsid` and `scopes` besides the names of the standard (UMA federated
    authorization, section 5.1.1).
    """
    permissions = claims.get("permissions")
    grants = permissions if isinstance(permissions, list) else []
    ours = [grant for grant in grants if isinstance(grant, dict) and _id(grant) == resource_id]
    return {
        scope
        for grant in ours
        if is_in_force(grant, now)
        for scope in as_texts(grant.get("resource_scopes", grant.get("scopes")))
    }


def _id(grant: Claims) -> object:
    return grant.get("resource_id", grant.get("rsid"))


class Tickets:
    """Registers the permission that a request lacked (UMA federated authorization, section 4)."""

    def __init__(self, pat: PatClient, metadata: ServerMetadata, resource: UmaResource) -> None:
        self._pat = pat
        self._metadata = metadata
        self._resource = resource
        self._as_list = False

    def issue(self, scopes: Sequence[str]) -> str:
        """Return a fresh ticket, or raise AuthorizationServerUnavailable if there is none."""
        answer = self._register(self._resource.id(), scopes)
        if answer.object.get("error") == "invalid_resource_id" and self._resource.forget():
            answer = self._register(self._resource.id(), scopes)
        ticket = answer.object.get("ticket")
        if answer.status not in (200, 201) or not _is_quotable(ticket):
            log.error("There is no permission ticket to be had: status %s", answer.status)
            raise AuthorizationServerUnavailable
        return str(ticket)

    def _register(self, resource_id: str, scopes: Sequence[str]) -> Answer:
        url = self._metadata.endpoint("permission_endpoint")
        permission = {"resource_id": resource_id, "resource_scopes": list(scopes)}
        if not self._as_list:
            answer = self._pat.post_json(url, permission)
            if answer.status != 400 or answer.object.get("error") == "invalid_resource_id":
                return answer
        # The standard allows an object or a list of them; Keycloak reads nothing but a list.
        answer = self._pat.post_json(url, [permission])
        self._as_list = answer.status < 300
        return answer


def _is_quotable(ticket: object) -> bool:
    """Return whether a ticket fits into a quoted-string without an escape, and is not too long."""
    return isinstance(ticket, str) and bool(re.fullmatch(r"[ !#-\[\]-~]{1,4096}", ticket))
