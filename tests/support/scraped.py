"""The metrics of an application, as Prometheus reads them."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_smorest import Api
from prometheus_client.parser import text_string_to_metric_families

from flask_gluu_changes import GluuChanges

from .apps import OPERATION

Samples = dict[str, float]


def samples_of(text: str) -> Samples:
    """Return each series with its value, as `name{label="value"}`."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            name = sample.name.removeprefix("gluu_changes_")
            assert name != sample.name
            found[f"{name}{{{labels}}}" if labels else name] = sample.value
    return found


def scrape(app: Flask, path: str = OPERATION, **headers: str) -> Samples:
    """Read the metrics of an application."""
    answer = app.test_client().get(f"{path}/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    return samples_of(answer.text)


def make_app(shape: str, backend: Any, **settings: object) -> Flask:
    """Make an application with metrics."""
    app = Flask(shape)
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass", GLUU_CHANGES_METRICS=True)
    app.config.update(API_TITLE="Host", API_VERSION="1", OPENAPI_VERSION="3.0.3")
    app.config.update(settings, PROPAGATE_EXCEPTIONS=False)
    GluuChanges(app, backend=backend, api=Api(app) if shape == "api" else None)
    return app
