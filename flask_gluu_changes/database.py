"""What the backends and the journal share of databases.

Executed by SQLAlchemy, a statement takes several times as long as SQLite needs to answer it. A
compiled one is executed by the driver's own cursor; the exceptions are the driver's own then:
`dialect.loaded_dbapi.Error`.
"""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import URL, Dialect, Select
from sqlalchemy.engine.interfaces import DBAPICursor

from .settings.addresses import is_loopback

log = logging.getLogger(__name__)


class CompiledQuery:
    """A SELECT as the text of one dialect. Its parameters, by name, are what drivers take."""

    def __init__(self, statement: Select[Any], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        # The names in the order of the question marks, for drivers that take no names.
        self._order: list[str] | None = getattr(compiled, "positiontup", None)
        self._constants = compiled.params

    def run(self, cursor: DBAPICursor, **values: object) -> DBAPICursor:
        """Execute it; the rows are to be fetched from the cursor."""
        named, order = {**self._constants, **values}, self._order
        cursor.execute(self.text, named if order is None else [named[name] for name in order])
        return cursor


def warn_unless_encrypted(url: URL, key: str) -> None:
    """Log a warning where a password and people would cross a network that anybody may listen to.

    key: the setting that the URL comes from.
    """
    if url.password and url.host and not is_loopback(url.host) and not _is_encrypted(url):
        log.warning(
            "%s names no TLS for %s, so people and login may cross the network unencrypted; add"
            " sslmode=verify-full (PostgreSQL) or ssl_ca=… (MariaDB, MySQL) to it",
            key,
            url.host,
        )


def _is_encrypted(url: URL) -> bool:
    if url.get_backend_name() == "postgresql":
        return url.query.get("sslmode") in ("require", "verify-ca", "verify-full")
    return any(name.startswith("ssl") for name in url.query)
