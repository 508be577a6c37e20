"""People in a relational database. Needs the extra `[sql]`; `sqlalchemy` stays inside."""

from .backend import SqlBackend as SqlBackend

__all__ = ["SqlBackend"]
