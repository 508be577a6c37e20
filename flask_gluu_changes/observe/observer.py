"""Observes each request of the blueprint, and makes the record of its answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from logging import INFO
from time import monotonic, time

from flask import Flask, Response, request

from ..errors import ConfigurationError
from ..scim import ErrorResponse
from ..settings.fields import PREFIX
from ..settings.observe import ObserveSettings
from . import audit
from .audit import AuditRecord
from .audit_file import AuditFile
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
        self._write = _open(settings.audit_log).keep if settings.audit_log else audit.write
        self._is_file = bool(settings.audit_log)
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
            response.headers.add(REQUEST_ID, seen.request_id)
        if seen.is_open:
            record = self._record(seen, response.status_code, "")
            response.call_on_close(partial(self._stream_ended, seen, record))
            return response
        status = response.status_code
        reason = _reason(seen, response) if status >= 400 else ""
        if self._meter:
            form = seen.form or _form()
            self._meter.answered(form, status, reason, monotonic() - seen.began)
        is_kept = self._is_kept()
        if is_kept or page_served.receivers or request_refused.receivers:
            self._tell(self._record(seen, status, reason), is_kept)
        return response

    def _is_kept(self) -> bool:
        return self._audits and (self._is_file or audit.log.isEnabledFor(INFO))

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
        self._tell(counted, self._is_kept())

    def _record(self, seen: Observation, status: int, reason: str) -> AuditRecord:
        client, subject = self._identify()
        given = status < 400
        return AuditRecord(
            time(),
            seen.request_id,
            client,
            subject,
            seen.environ.get("REMOTE_ADDR") or "",
            seen.environ["REQUEST_METHOD"],
            seen.form or _form(),
            seen.asked,
            seen.entries if given else 0,
            seen.removals if given else 0,
            status,
            reason,
            monotonic() - seen.began,
        )

    def _tell(self, record: AuditRecord, is_kept: bool) -> None:
        """Hand a record to the log and to the signals; reading metrics tells nothing of anybody."""
        is_refused = record.status >= 400
        if is_kept and (is_refused or record.form != "metrics"):
            self._write(record)
        if is_refused and request_refused.receivers:
            request_refused.send(self._app, record=record)
        elif page_served.receivers and record.form in PAGES:
            page_served.send(self._app, record=record)


def _open(path: str) -> AuditFile:
    try:
        return AuditFile(path)
    except OSError as error:
        raise ConfigurationError(
            f"{PREFIX}AUDIT_LOG names a file that cannot be written: {error.strerror or error}"
        ) from error


def _form() -> str:
    """Return the form of a request that was refused before it was read."""
    endpoint = (request.endpoint or "").rpartition(".")[2]
    if endpoint != "updated_users":
        return FORMS.get(endpoint, "other")
    query = request.query_string
    return next((form for form in ("cursor", "deltaToken") if form.encode() in query), "timeStamp")


def _reason(seen: Observation, response: Response) -> str:
    said = response.reason if isinstance(response, ErrorResponse) else ""
    return seen.reason or said or REASONS.get(response.status_code, "refused")
