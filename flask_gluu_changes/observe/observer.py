"""Observes each request of the blueprint, and makes the record of its answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from logging import INFO
from time import monotonic, time

from flask import Flask, Response, request

from ..scim import ErrorResponse
from ..settings.observe import ObserveSettings
from . import audit
from .audit import AuditRecord
from .meter import Meter
from .observation import REQUEST_ID, Observation, begin, observed
from .signals import page_served, request_refused

Identify = Callable[[], tuple[str, str]]
"""Returns the client and the subject of the current request's token."""

FORMS = {
    "updated_users_status": "status",
    "swagger_document": "document",
    "openapi_document": "document",
    "metrics": "metrics",
}
"""Forms by endpoint, where the URL alone tells."""

PAGES = {"timeStamp", "cursor", "deltaToken", "wait", "stream"}
"""Forms of answers with people."""

REASONS = {
    400: "invalidValue",
    405: "method_not_allowed",
    499: "client_gone",
    500: "internal_error",
}
"""Why a request was refused, where the status tells."""


class Observer:
    """Has a record made of each answer, for the log, for signals and for what counts."""

    def __init__(
        self, app: Flask, settings: ObserveSettings, identify: Identify, meter: Meter | None
    ) -> None:
        self._app = app
        self._meter = meter
        self._audits = settings.audit
        self._identify = identify

    def begin(self) -> None:
        """Begin to observe a request, before anything else is done with it."""
        if self._audits or self._meter or page_served.receivers or request_refused.receivers:
            begin()

    def end(self, response: Response) -> Response:
        """Take note of an answer; of a stream, when it has ended."""
        seen = observed()
        if not seen.request_id:
            return response
        if self._audits:
            response.headers[REQUEST_ID] = seen.request_id
        if seen.is_open:
            record = self._record(seen, response)
            response.call_on_close(partial(self._stream_ended, seen, record))
            return response
        if self._meter:
            status, reason = response.status_code, _reason(seen, response)
            self._meter.answered(seen.form or _form(), status, reason, monotonic() - seen.began)
        if self._is_wanted():
            self._tell(self._record(seen, response))
        return response

    def _is_wanted(self) -> bool:
        is_kept = self._audits and audit.log.isEnabledFor(INFO)
        return bool(is_kept or page_served.receivers or request_refused.receivers)

    def _stream_ended(self, seen: Observation, record: AuditRecord) -> None:
        counted = record._replace(
            time=time(),
            entries=seen.entries,
            removals=seen.removals,
            reason="broken_off" if seen.is_open else "",
            seconds=monotonic() - seen.began,
        )
        if self._meter:
            self._meter.answered(counted.form, counted.status, counted.reason, counted.seconds)
        if self._is_wanted():
            self._tell(counted)

    def _record(self, seen: Observation, response: Response) -> AuditRecord:
        client, subject = self._identify()
        is_refused = response.status_code >= 400
        return AuditRecord(
            time(),
            seen.request_id,
            client,
            subject,
            seen.environ.get("REMOTE_ADDR") or "",
            seen.environ["REQUEST_METHOD"],
            seen.form or _form(),
            seen.asked,
            0 if is_refused else seen.entries,
            0 if is_refused else seen.removals,
            response.status_code,
            _reason(seen, response),
            monotonic() - seen.began,
        )

    def _tell(self, record: AuditRecord) -> None:
        if record.status >= 400:
            signal = request_refused
        elif record.form == "metrics":
            return  # they are read often, and hold nothing of anybody
        else:
            signal = page_served
        if self._audits and audit.log.isEnabledFor(INFO):
            audit.write(record)
        if signal is request_refused or record.form in PAGES:
            signal.send(self._app, record=record)


def _form() -> str:
    """Return the form of a request that was refused before it was read."""
    endpoint = (request.endpoint or "").rpartition(".")[2]
    if endpoint != "updated_users":
        return FORMS.get(endpoint, "other")
    query = request.query_string
    return next((form for form in ("cursor", "deltaToken") if form.encode() in query), "timeStamp")


def _reason(seen: Observation, response: Response) -> str:
    if response.status_code < 400:
        return ""
    said = response.reason if isinstance(response, ErrorResponse) else ""
    return seen.reason or said or REASONS.get(response.status_code, "refused")
