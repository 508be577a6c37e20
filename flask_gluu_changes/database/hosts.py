"""The hosts of a URL, of which a driver takes one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_HOST = re.compile(r"(?:\[(?P<v6>.+)\]|(?P<name>[^:]+))(?::(?P<port>\d+))?")


def hosts_of(hosts: str | Sequence[str] | None) -> list[Mapping[str, str | int]]:
    """Return a driver's options for each host, as in `…@/changes?host=one:3306&host=two:3306`."""
    if hosts is None:
        return [{}]
    return [_options(host) for host in ([hosts] if isinstance(hosts, str) else hosts)]


def _options(host: str) -> Mapping[str, str | int]:
    found = _HOST.fullmatch(host)
    if found is None:
        return {"host": host}
    port = {"port": int(found["port"])} if found["port"] else {}
    return {"host": found["v6"] or found["name"], **port}
