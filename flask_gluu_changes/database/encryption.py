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
    remote = [host for host in _hosts(url) if not is_loopback(host)]
    if url.password and remote and not _is_encrypted(url):
        log.warning(
            "%s names no TLS for %s, so people and login may cross the network unencrypted; add"
            " sslmode=verify-full (PostgreSQL) or ssl_ca=… (MariaDB, MySQL) to it",
            key,
            ", ".join(remote),
        )


def _hosts(url: URL) -> list[str]:
    """Return the hosts of a URL, of which PostgreSQL's may have several: `…@/db?host=a:1&host=b:2`.

    A path is the folder of a socket.
    """
    if url.host:
        return [url.host]
    named = [host for text in url.normalized_query.get("host", ()) for host in text.split(",")]
    return [host.partition(":")[0] for host in named if host and not host.startswith("/")]


def _is_encrypted(url: URL) -> bool:
    if url.get_backend_name() == "postgresql":
        return url.query.get("sslmode") in ("require", "verify-ca", "verify-full")
    return any(name.startswith("ssl") for name in url.query)
