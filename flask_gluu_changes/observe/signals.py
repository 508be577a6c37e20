"""The signals that a host may connect to, as Flask's own ones."""

from __future__ import annotations

from blinker import Namespace

_NAMES = Namespace()

page_served = _NAMES.signal(
    "page-served",
    doc="""Sent when people were answered with, nobody included, and for a 304.

    The sender is the application, and `record` the :class:`AuditRecord`.""",
)
request_refused = _NAMES.signal(
    "request-refused",
    doc="""Sent when a request was answered with a status of 400 or above.

    The sender is the application, and `record` the :class:`AuditRecord`.""",
)
