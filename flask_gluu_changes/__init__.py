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
from .values import AttributeType as AttributeType
from .visibility import AttributeInfo as AttributeInfo

__all__ = [
    "AttributeInfo",
    "AttributeType",
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
]
