"""UMA 2.0: what a requesting party token must grant, and the ticket for one who has none."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

from authlib.oauth2.rfc6750 import InsufficientScopeError

from .claims import Claims, as_texts, is_in_force
from .clock import Clock
from .discovery import ServerMetadata
from .errors import AuthorizationServerUnavailable
from .http import Answer
from .introspection import FormCaller, IntrospectionValidator
from .pat import PatClient
from .resource import UmaResource
from .settings import ProtectionSettings

log = logging.getLogger(__name__)


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
        """Raise Authlib's InvalidTokenError or InsufficientScopeError."""
        super().validate_token(token, None, request)
        wanted = {name for text in scopes or () for name in text.split()}
        granted = granted_scopes(token, self._resource.id(), self._clock.now())
        if not wanted or not wanted <= granted:
            raise InsufficientScopeError


def granted_scopes(claims: Claims, resource_id: str, now: float) -> set[str]:
    """Collect the scopes of a resource in the permissions that are in force.

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
        self._in_list = False

    def issue(self, scopes: Sequence[str]) -> str:
        """Give a fresh ticket; AuthorizationServerUnavailable where none can be had."""
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
        if not self._in_list:
            answer = self._pat.post_json(url, permission)
            if answer.status != 400 or answer.object.get("error") == "invalid_resource_id":
                return answer
        answer = self._pat.post_json(url, [permission])  # Keycloak reads nothing but a list
        self._in_list = answer.status < 300
        return answer


def _is_quotable(ticket: object) -> bool:
    return isinstance(ticket, str) and bool(re.fullmatch(r"[ !#-\[\]-~]{1,4096}", ticket))
