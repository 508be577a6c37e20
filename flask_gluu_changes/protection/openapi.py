"""How API documents (OpenAPI, Swagger) describe the protection of each mode."""

from __future__ import annotations

from collections.abc import Mapping

from ..settings.protection import ProtectionSettings
from .guard import Refusal, Requirement, Schemes

NAME = "gluu_changes"
"""The name of the scheme; a host's own document may well have a `bearer` already."""

MISSING = "The access token is missing."
INVALID = "The access token is missing, unknown, expired, revoked or not meant for this server."
INSUFFICIENT = "The access token lacks a scope."
INVALID_OR_INSUFFICIENT = "The access token is dead, or lacks a scope."
TICKET = "There is no requesting party token, or it lacks a permission."
NO_TICKET = "There is neither a good token nor a permission ticket to be had."

BEARER_CHALLENGE = {
    "WWW-Authenticate": "Bearer challenge with realm, error and scope (RFC 6750, section 3),"
    " and with resource_metadata (RFC 9728, section 5.1)."
}
UMA_CHALLENGE = {
    "WWW-Authenticate": "UMA challenge with realm, as_uri and a permission ticket"
    " (UMA 2.0 Grant, section 3.2.1)."
}
UMA_WARNING = {"Warning": "199, UMA Authorization Server Unreachable."}


def security_schemes(settings: ProtectionSettings, version: str) -> tuple[Schemes, Requirement]:
    """Return the security schemes by name, and the requirement that names the active one.

    Both are empty under `bypass`. Swagger 2.0 knows no bearer tokens, so there it is the header.

    Args:
        settings: The mode, the issuer and the scopes.
        version: 2.0 for Swagger's `securityDefinitions`, 3.x for OpenAPI's `securitySchemes`.
    """
    if settings.protection == "bypass":
        return {}, []
    description = _description(settings)
    if version.startswith("2"):
        scheme = {"type": "apiKey", "name": "Authorization", "in": "header"}
        text = f"{description} Send the word Bearer, a blank, and the token."
    else:
        scheme = {"type": "http", "scheme": "bearer"}
        text = description
    return {NAME: {**scheme, "description": text}}, [{NAME: []}]


def refusals(settings: ProtectionSettings) -> Mapping[int, Refusal]:
    """Return the refusals of the active mode by HTTP status; none under `bypass`."""
    if settings.protection == "bypass":
        return {}
    if settings.protection == "uma":
        return {401: Refusal(TICKET, UMA_CHALLENGE), 403: Refusal(NO_TICKET, UMA_WARNING)}
    if settings.status_profile == "gluu":
        texts = {401: MISSING, 403: INVALID_OR_INSUFFICIENT}
    elif settings.protection == "oauth":
        texts = {401: INVALID, 403: INSUFFICIENT}
    else:
        texts = {401: INVALID}
    return {status: Refusal(text, BEARER_CHALLENGE) for status, text in texts.items()}


def _description(settings: ProtectionSettings) -> str:
    if settings.protection == "uma":
        scopes = " ".join(settings.uma_scope)
        return (
            f"UMA 2.0 requesting party token of {settings.issuer} with the scopes {scopes};"
            " a request without one gets a permission ticket."
        )
    if settings.protection == "test":
        return f"Any active access token of {settings.issuer}."
    return f"Access token of {settings.issuer} with the scopes {' '.join(settings.scope)}."
