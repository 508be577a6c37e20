"""Which driver a database's URL means where it names none."""

from __future__ import annotations

from sqlalchemy.engine import URL, make_url

_NAMES = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",  # as libpq and many hosting services write it
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
"""SQLAlchemy means other drivers, which this project was not tested with."""


def parse_url(url: str | URL) -> URL:
    """Return a URL with its driver; raise SQLAlchemy's ArgumentError for what is none."""
    parsed = make_url(url)
    return parsed.set(drivername=_NAMES.get(parsed.drivername, parsed.drivername))
