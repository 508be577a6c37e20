"""One record for each answer and each refusal: who asked for what, and how much was given."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from os import getpid
from threading import get_ident
from typing import NamedTuple

import orjson

log = logging.getLogger("flask_gluu_changes.audit")

_LINE = (
    '{"time":"%s.%03dZ","request_id":"%s","address":%s,"method":%s,"form":"%s","status":%d'
    ',"seconds":%.6f'
)

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

    def __str__(self) -> str:
        """Return the record as a line of JSON in ASCII; what is empty is left out."""
        second = int(self.time)
        parts = [
            _LINE
            % (
                _second(second),
                (self.time - second) * 1000,
                self.request_id,
                _quoted(self.address),
                _quoted(self.method),
                self.form,
                self.status,
                self.seconds,
            )
        ]
        if self.client or self.subject:
            parts.append(f'"client":{_quoted(self.client)},"subject":{_quoted(self.subject)}')
        if self.asked:
            parts.append(f'"asked":{orjson.dumps(self.asked).decode()}')
        if self.status < 400:  # else nothing was given
            parts.append(f'"entries":{self.entries},"removals":{self.removals}')
        if self.reason:
            parts.append(f'"reason":{_quoted(self.reason)}')
        return f"{','.join(parts)}}}"


@lru_cache(2)
def _second(second: int) -> str:
    """Write a second; records of the same one follow each other."""
    return datetime.fromtimestamp(second, UTC).isoformat()[:19]


@lru_cache(1024)
def _quoted(text: str) -> str:
    """Write a text in ASCII, cut: a claim or a header may hold what a terminal obeys."""
    return json.dumps(text[:LONGEST])


def write(record: AuditRecord) -> None:
    """Hand a record to the logger, whose level must allow it."""
    if logging.getLogRecordFactory() is logging.LogRecord:
        log.handle(_LogRecord(record))
    else:  # the host's, which adds what the host wants to see
        log.handle(log.makeRecord(log.name, logging.INFO, __file__, 0, "%s", (record,), None))


class _LogRecord(logging.LogRecord):
    """A log record made of another one: logging takes as long for each as we do for all else.

    It looks for file and line of the caller, and names of process and thread, of no interest here.
    """

    def __init__(self, record: AuditRecord) -> None:
        vars(self).update(_LIKE_ALL)
        self.args = (record,)
        self.created, self.msecs = record.time, record.time % 1 * 1000
        self.relativeCreated += (self.created - _LIKE_ALL["created"]) * 1000
        self.process, self.thread = getpid(), get_ident()


_LIKE_ALL = vars(log.makeRecord(log.name, logging.INFO, __file__, 0, "%s", (), None))
