"""Which driver a database's URL means where it names none."""

from __future__ import annotations

from sqlalchemy.engine import URL, make_url

_DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}
"""Each is a package to install; SQLAlchemy means others, which this project was not tested with."""


def parse_url(url: str | URL) -> URL:
    """Return a URL with its driver; raise SQLAlchemy's ArgumentError for what is none."""
    parsed = make_url(url)
    driver = _DRIVERS.get(parsed.drivername)
    return parsed.set(drivername=f"{parsed.drivername}+{driver}") if driver else parsed
