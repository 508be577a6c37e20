"""What operators see of the operation: audit records, signals, health and metrics."""

from .audit import AuditRecord as AuditRecord
from .json_log import JsonFormatter as JsonFormatter
from .signals import page_served as page_served
from .signals import request_refused as request_refused

__all__ = ["AuditRecord", "JsonFormatter", "page_served", "request_refused"]
