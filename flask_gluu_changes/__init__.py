"""Gluu's UpdatedUsers operation as an embeddable Flask blueprint."""

from .backend import Backend as Backend
from .errors import BackendError as BackendError
from .errors import BackendRefused as BackendRefused
from .errors import BackendUnavailable as BackendUnavailable
from .errors import ConfigurationError as ConfigurationError
from .errors import GluuChangesError as GluuChangesError
from .extension import GluuChanges as GluuChanges
from .model import ChangesQuery as ChangesQuery
from .model import Entry as Entry
from .model import Finding as Finding
from .observe import AuditRecord as AuditRecord
from .observe import JsonFormatter as JsonFormatter
from .observe import page_served as page_served
from .observe import request_refused as request_refused
from .values import AttributeType as AttributeType
from .visibility import AttributeInfo as AttributeInfo

__all__ = [
    "AttributeInfo",
    "AttributeType",
    "AuditRecord",
    "Backend",
    "BackendError",
    "BackendRefused",
    "BackendUnavailable",
    "ChangesQuery",
    "ConfigurationError",
    "Entry",
    "Finding",
    "GluuChanges",
    "GluuChangesError",
    "JsonFormatter",
    "page_served",
    "request_refused",
]
