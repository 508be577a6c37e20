"""Writes how an operation is protected, and how it fails, into an OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_smorest import Api

from .protection import Guard, Refusal
from .scim_errors import ScimErrorSchema

FAILURES: Mapping[int, str] = {500: "An operator has to act", 503: "Try again after Retry-After"}
ERRORS: Mapping[int, str] = {400: "A parameter cannot be used", **FAILURES}


def add_security_schemes(api: Api, guard: Guard) -> None:
    """Define a guard's schemes in the document of an Api; what the host defines itself stays."""
    schemes, _ = guard.security_schemes(version_of(api))
    components = api.spec.components
    for name, scheme in schemes.items():
        if name not in components.security_schemes:
            components.security_scheme(name, scheme)


def version_of(api: Api) -> str:
    """Give the version of OpenAPI that an Api documents itself in."""
    return str(api.spec.openapi_version)


def documented(guard: Guard, version: str, errors: Mapping[int, str]) -> dict[str, Any]:
    """Give what an operation says of its protection and of its errors, each with what to do.

    flask-smorest's `alt_response` would do, but wraps one more function around the view for each.
    """
    _, requirement = guard.security_schemes(version)
    described = _in_swagger if version.startswith("2") else _in_openapi
    refusals = {**{status: Refusal(text) for status, text in errors.items()}, **guard.refusals()}
    responses = {str(status): described(refusal) for status, refusal in refusals.items()}
    return _without_empty(security=requirement, responses=responses)


def _in_swagger(refusal: Refusal) -> dict[str, Any]:
    headers = {
        name: {"type": "string", "description": text} for name, text in refusal.headers.items()
    }
    return _without_empty(description=refusal.description, schema=ScimErrorSchema, headers=headers)


def _in_openapi(refusal: Refusal) -> dict[str, Any]:
    headers = {
        name: {"schema": {"type": "string"}, "description": text}
        for name, text in refusal.headers.items()
    }
    content = {"application/json": {"schema": ScimErrorSchema}}
    return _without_empty(description=refusal.description, content=content, headers=headers)


def _without_empty(**parts: Any) -> dict[str, Any]:
    return {name: part for name, part in parts.items() if part}
