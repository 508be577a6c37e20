"""One record for each answer and each refusal: who asked for what, and how much was given."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

log = logging.getLogger("flask_gluu_changes.audit")

LONGEST = 256
"""Characters of a text that comes from a token; more of it is cut off."""


class AuditRecord(NamedTuple):
    """What is kept of a request; no value of a person is in it, and no token.

    Attributes:
        time: When it was answered, in seconds since the epoch.
        request_id: The `X-Request-Id` of request and answer.
        client: The client of the accepted token; empty where there is none.
        subject: The subject of that token.
        address: The address that the request came from, as the application's ProxyFix tells it.
        method: The method of HTTP.
        form: What was asked: `timeStamp`, `cursor`, `deltaToken`, `wait`, `stream`, `status`,
            `document`, `metrics`, or `other` for methods that are not answered.
        asked: The range: `timeStamp`, `start` and `pagesize`, or `after` and `count`, where `after`
            is the number of the last change that the client has. Empty where it could not be read.
        entries: How many people are in the answer.
        removals: How many removals are in it.
        status: The status of HTTP.
        reason: Why a request was refused, or `broken_off` where a stream did not reach its end.
        seconds: How long the answer took; of a stream until its end.
    """

    time: float
    request_id: str
    client: str
    subject: str
    address: str
    method: str
    form: str
    asked: Mapping[str, object]
    entries: int
    removals: int
    status: int
    reason: str
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON writes it; what is empty is left out."""
        kept: dict[str, Any] = {
            "time": datetime.fromtimestamp(self.time, UTC),
            "request_id": self.request_id,
            "address": self.address,
            "method": self.method,
            "form": self.form,
            "status": self.status,
            "seconds": round(self.seconds, 6),
        }
        if self.client or self.subject:
            kept["client"], kept["subject"] = self.client[:LONGEST], self.subject[:LONGEST]
        if self.asked:
            kept["asked"] = self.asked
        if self.status < 400:  # else nothing was given
            kept["entries"], kept["removals"] = self.entries, self.removals
        if self.reason:
            kept["reason"] = self.reason
        return kept

    def __str__(self) -> str:
        """Return the record as a line of JSON."""
        return to_json(self.to_dict())


def to_json(members: dict[str, Any]) -> str:
    """Return an object as a line of JSON in ASCII: a claim may hold what a terminal obeys."""
    try:
        line = orjson.dumps(members)
    except TypeError:  # half a character, which is no UTF-8
        line = b"\xff"
    if line.isascii():
        return line.decode()
    return json.dumps(members, separators=(",", ":"), default=datetime.isoformat)


def write(record: AuditRecord) -> None:
    """Hand a record to the logger, whose level must allow it."""
    # not by log.info, which looks through the stack for its caller: that is a third of the cost
    log.handle(log.makeRecord(log.name, logging.INFO, __file__, 0, "%s", (record,), None))
