"""A formatter that writes log records as JSON, a line each."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from .audit import AuditRecord, log

_AUDIT = f'{{"level":"INFO","logger":"{log.name}",'


class JsonFormatter(logging.Formatter):
    """Writes each log record as an object on a line of its own.

    An audit record is written with its own members, any other one with `message` and, where there
    is one, `exception`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for a record.

        Args:
            record: Any record, of this package or not.
        """
        audited = record.args[0] if isinstance(record.args, tuple) and record.args else None
        if isinstance(audited, AuditRecord):
            return f"{_AUDIT}{str(audited)[1:]}"
        line: dict[str, Any] = {
            "level": record.levelname,
            "logger": record.name,
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)
