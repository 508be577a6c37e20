"""How the documents of an API describe each mode's protection."""

from __future__ import annotations

from .guard import Requirement, Schemes
from .settings import ProtectionSettings

NAME = "bearer"


def security_schemes(settings: ProtectionSettings, version: str) -> tuple[Schemes, Requirement]:
    """Give the security schemes by name, and the requirement that names the active one.

    version: 2.0 for Swagger's `securityDefinitions`, 3.x for OpenAPI's `securitySchemes`. Swagger
    2.0 knows no bearer tokens, so there it is the header. Both are empty under `bypass`.
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
