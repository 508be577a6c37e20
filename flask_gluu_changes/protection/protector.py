"""Protector: the protection policy of Gluu's SCIM API, for the blueprint and for host routes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from authlib.oauth2 import OAuth2Error
from flask import Flask, g, request
from werkzeug.exceptions import HTTPException

from .authorization_header import BearerProtector
from .bypass import require_consent
from .clock import Clock
from .documents import refusals, security_schemes
from .guard import Guard, Refusal, Requirement, Schemes
from .policy import build_policy
from .settings import ProtectionSettings

GRANTED = "authlib_server_oauth2_token"
"""Where Authlib keeps the claims of the accepted token in `g`, for its `current_token`."""


class Protector(Guard):
    """Checks requests as `GLUU_CHANGES_PROTECTION` says: uma, oauth, test or bypass.

    Authlib's resource protector does the work, with one validator for the mode. One instance
    serves every thread of a process; what it learned about tokens is kept per process.
    """

    def __init__(self, settings: ProtectionSettings, *, clock: Clock | None = None) -> None:
        settings.check()
        self.settings = settings
        self._bearer = BearerProtector()
        self._policy = None
        if settings.protection != "bypass":
            self._policy = build_policy(settings, clock or Clock())
            self._bearer.register_token_validator(self._policy.validator)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, clock: Clock | None = None) -> Protector:
        """Make the protector that an application's config describes.

        Raises ConfigurationError for settings that are missing, unknown or contradictory. clock:
        for tests.
        """
        settings = ProtectionSettings.load(config)
        if settings.protection == "bypass":
            require_consent(settings, config)
        return cls(settings, clock=clock)

    def check(self, scopes: Iterable[str] | None = None) -> None:
        """Let the current request pass, or raise an HTTPException with the answer in it.

        scopes: all of them must be granted; None: those that are configured; in mode `test` any
        active token will do. Authlib's `current_token` holds the claims afterwards. The exception
        has no code, so that neither Flask nor flask-smorest rewrites its headers.
        """
        g.pop(GRANTED, None)
        if self._policy is None:
            return
        wanted = self._wanted(self._policy.scopes, scopes)
        try:
            self._bearer.acquire_token([" ".join(wanted)] if wanted else None)
        except OAuth2Error as error:
            answer = self._policy.refusals.answer(error, wanted)
            raise HTTPException(response=answer) from error

    def caller(self) -> str:
        """Name the client of the accepted token and its address."""
        claims = g.get(GRANTED) or {}
        client = claims.get("client_id") or claims.get("sub") or ""
        return f"{client} {request.remote_addr or ''}".strip()

    def register(self, app: Flask, paths: Iterable[str]) -> None:
        """Serve the metadata of RFC 9728, in modes with tokens."""
        if self._policy is not None:
            self._policy.metadata.register(app, paths)

    def security_schemes(self, version: str) -> tuple[Schemes, Requirement]:
        """Describe the protection for a document of version 2.0 (Swagger) or 3.x (OpenAPI)."""
        return security_schemes(self.settings, version)

    def refusals(self) -> Mapping[int, Refusal]:
        """Describe the answers of `check` in the active mode, by status."""
        return refusals(self.settings)

    def close(self) -> None:
        """Close the connections to the authorization server."""
        if self._policy is not None:
            self._policy.http.close()

    def _wanted(self, configured: tuple[str, ...], scopes: Iterable[str] | None) -> tuple[str, ...]:
        if scopes is None or self.settings.protection == "test":
            return configured
        return tuple(scopes)
