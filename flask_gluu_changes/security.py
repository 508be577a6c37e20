"""Writes how the operation is protected into an OpenAPI document, a host's own included."""

from __future__ import annotations

from typing import Any

from flask_smorest import Api

from .protection import Guard, Refusal
from .scim_errors import ScimErrorSchema


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


def security_of_operation(guard: Guard, version: str) -> dict[str, Any]:
    """Give what an operation says of its protection: the requirement, and the refusals."""
    _, requirement = guard.security_schemes(version)
    described = _in_swagger if version.startswith("2") else _in_openapi
    responses = {str(status): described(refusal) for status, refusal in guard.refusals().items()}
    said = {"security": requirement, "responses": responses}
    return {name: value for name, value in said.items() if value}


def _in_swagger(refusal: Refusal) -> dict[str, Any]:
    headers = {
        name: {"type": "string", "description": text} for name, text in refusal.headers.items()
    }
    return {"description": refusal.description, "schema": ScimErrorSchema, "headers": headers}


def _in_openapi(refusal: Refusal) -> dict[str, Any]:
    headers = {
        name: {"schema": {"type": "string"}, "description": text}
        for name, text in refusal.headers.items()
    }
    content = {"application/json": {"schema": ScimErrorSchema}}
    return {"description": refusal.description, "content": content, "headers": headers}
