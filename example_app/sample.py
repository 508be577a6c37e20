"""The sample request that the pages and the demo show."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Flask, url_for

PARAMETERS = {"timeStamp": "2019-12-24T12:00:03-05:00", "start": 10, "pageSize": 100}


def path() -> str:
    """Return the path and the query of the sample request, inside an application context."""
    return url_for("gluu_changes.updated_users") + "?" + urlencode(PARAMETERS, safe=":")


def path_of(app: Flask) -> str:
    """Return them outside of one."""
    with app.test_request_context():
        return path()


def documents() -> list[str]:
    """Return the paths of the Swagger and the OpenAPI document."""
    return [url_for(f"gluu_changes.{kind}_document") for kind in ("swagger", "openapi")]
