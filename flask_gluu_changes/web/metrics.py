"""`metrics`: what Prometheus reads; without the extra it cannot be switched on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Response

from ..errors import ConfigurationError
from ..feed.feed import Feed
from ..observe.health import Readiness
from ..protection import Guard
from ..protection.guard import required_scopes
from ..settings.fields import PREFIX
from ..settings.observe import ObserveSettings
from .checking import check

if TYPE_CHECKING:
    from ..observe.prometheus.server import PrometheusMeter

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
METRICS = "metrics"
"""Is appended to the operation's path, and names the endpoint."""


class MetricsEndpoint:
    """Lets those read the metrics who may.

    scopes: what they need; None: what the operation does.
    """

    def __init__(
        self, meter: PrometheusMeter, guard: Guard, scopes: Iterable[str] | None = None
    ) -> None:
        self._meter = meter
        self._guard = guard
        self._scopes = scopes

    def check(self) -> None:
        """Let the current request pass, or raise the guard's answer."""
        check(self._guard, self._scopes)

    def metrics(self) -> Response:
        """Return the metrics as text."""
        headers = {"Cache-Control": "no-store"}
        return Response(self._meter.expose(), content_type=CONTENT_TYPE, headers=headers)


def find_meter(
    settings: ObserveSettings, feed: Feed, readiness: Readiness, guard: Guard
) -> PrometheusMeter | None:
    """Return what counts for Prometheus; None where that is switched off.

    Raises ConfigurationError where the extra is not installed.
    """
    if not settings.metrics:
        return None
    try:
        from ..observe.prometheus.server import PrometheusMeter
        from ..observe.prometheus.store import StoreCollector
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{PREFIX}METRICS needs prometheus-client; run"
            " `pip install 'flask-gluu-changes[metrics]'`"
        ) from error
    store = StoreCollector(readiness, feed.backend, feed.count_sessions)
    meter = PrometheusMeter([store], [feed.backend.connections, guard.connections])
    guard.count_with(meter)
    return meter


def metrics_endpoint(
    settings: ObserveSettings, meter: PrometheusMeter | None, guard: Guard
) -> MetricsEndpoint | None:
    """Return what serves the metrics, if there are any; ConfigurationError for what is no scope."""
    scopes = required_scopes(settings.metrics_scope) if settings.metrics_scope else None
    return None if meter is None else MetricsEndpoint(meter, guard, scopes)
