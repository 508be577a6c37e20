"""Gluu's UpdatedUsers operation as an embeddable Flask blueprint."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

_HOMES = {
    "AttributeInfo": "visibility",
    "AttributeType": "values",
    "Backend": "backend",
    "ChangesQuery": "model",
    "Entry": "model",
    "Finding": "model",
    "GluuChanges": "extension",
    "AuditRecord": "observe",
    "JsonFormatter": "observe",
    "page_served": "observe",
    "request_refused": "observe",
}
"""The modules of the names above, unless it is that of the errors."""

if not TYPE_CHECKING:  # for a type checker, every name would be there

    def __getattr__(name: str) -> object:
        """Import what is asked for: the client's commands start without Flask."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f".{_HOMES.get(name, 'errors')}", __name__), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
