"""Whether what is said to a database can be listened to."""

from __future__ import annotations

import logging

from sqlalchemy import URL

from ..settings.addresses import is_loopback

log = logging.getLogger(__name__)


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
