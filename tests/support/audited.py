"""The audit records that an application writes."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from flask_gluu_changes import AuditRecord, JsonFormatter

AUDIT = logging.getLogger("flask_gluu_changes.audit")


class Records(logging.Handler):
    """Keeps the records, and the lines that the JSON formatter makes of them."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[AuditRecord] = []
        self.lines: list[str] = []
        self.setFormatter(JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        assert isinstance(record.args, tuple)
        (found,) = record.args
        assert isinstance(found, AuditRecord)
        self.kept.append(found)
        self.lines.append(self.format(record))

    def take(self) -> AuditRecord:
        """Return the only record since the last call."""
        (one,) = self.kept
        self.kept.clear()
        return one


@pytest.fixture
def records() -> Iterator[Records]:
    """Keep what is audited."""
    handler, before = Records(), AUDIT.level
    AUDIT.addHandler(handler)
    AUDIT.setLevel(logging.INFO)
    yield handler
    AUDIT.removeHandler(handler)
    AUDIT.setLevel(before)
