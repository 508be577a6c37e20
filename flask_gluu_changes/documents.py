"""The Swagger 2.0 and OpenAPI 3 documents, generated from the blueprint's marshmallow schemas."""

from __future__ import annotations

import json
from typing import Any

from flask import Flask
from flask_smorest import Api, Blueprint

from .protection import Guard
from .security import add_security_schemes

TITLE = "Gluu resource changes"
DESCRIPTION = (
    "Lists the users that were added or changed after a time, as Gluu Server's UpdatedUsers does."
)
SWAGGER = "2.0"
OPENAPI = "3.0.3"

DEEPEST = 3
"""Schemas that contain each other."""

Document = dict[str, Any]


class _DocumentingApi(Api):  # type: ignore[misc]
    DEFAULT_ERROR_RESPONSE_NAME = None  # ours are SCIM errors, which the operations name


def describe(blueprint: Blueprint, guard: Guard, version: str) -> Document:
    """Write the document of a blueprint whose paths are relative to where it will be mounted.

    A flask-smorest Api on an application made for the purpose does the work, so that the host's
    own application and Api stay as they are.
    """
    app = Flask(__name__)
    app.config.update(API_TITLE=TITLE, API_VERSION="1", OPENAPI_VERSION=version)
    api = _DocumentingApi(app, spec_kwargs={"info": {"description": DESCRIPTION}})
    add_security_schemes(api, guard)
    api.register_blueprint(blueprint)
    document = _without_unused(api.spec.to_dict())
    return _as_swagger(document) if version == SWAGGER else document


def mounted(document: Document, base_path: str) -> Document:
    """Say in a document under which path its operations are found."""
    if "swagger" in document:
        return {**document, "basePath": base_path or "/"}
    return {**document, "servers": [{"url": base_path or "/"}]}


def _without_unused(document: Document) -> Document:
    """Drop the schemas and responses that flask-smorest defines and nothing that stays names."""
    components = document.get("components", document)
    kinds = {"schemas", "definitions", "responses"} & components.keys()
    defined = {kind: components.pop(kind) for kind in kinds}
    for _ in range(DEEPEST):  # what is kept may name others
        text = json.dumps(document)
        for kind, all_of_them in defined.items():
            kept = {n: v for n, v in all_of_them.items() if f'/{kind}/{n}"' in text}
            if kept:
                components[kind] = kept
    return document


def _as_swagger(document: Document) -> Document:
    """Keep to Swagger 2.0, which knows no requests without a body.

    Nor has it a value of any type: openapi-generator reads `items: {}` as an array of objects (its
    issue 19265), so an entry is written as an object and no more.
    """
    document.pop("consumes")
    document["definitions"]["UpdatedUsersPage"]["properties"]["results"]["items"] = {
        "type": "object"
    }
    return document
