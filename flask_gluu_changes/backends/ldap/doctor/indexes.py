"""Whether the times are indexed, by slapd's configuration or else by how long searches take.

A search for times that nobody has is answered at once from an index. The same search, negated
twice, uses no index anywhere and reads everybody, which takes as long as the first one does
without an index. Both are repeated, and the quickest of each counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from time import perf_counter

import ldap
from ldap.cidict import cidict
from ldap.dn import str2dn

from ....model import Finding
from ..connection import Connection
from ..search import NO_ATTRIBUTES
from .context import Directory, count

NEVER = "20991231235959.000Z"
"""Later than every change; slapd's index keeps 40 bits of a time, and wraps in the far future."""

SECONDS = 1.0
"""How long the searches for one attribute are repeated…"""

REPEATS = 100
"""…and how often at most."""

CLEARLY_SLOWER = 2.0
"""A measurement counts if reading everybody takes this many times as long as one entry."""


def examine_indexes(directory: Directory) -> Iterator[Finding]:
    """Examine the index of each time attribute; only slapd's behaviour is known well enough."""
    if not directory.info.openldap:
        yield Finding.warning(
            "whether the times are indexed cannot be found out: the server is no OpenLDAP",
            f"index {', '.join(directory.query.time_attributes)} for comparisons (OpenDJ: `dsconfig"
            " create-backend-index --set index-type:ordering --index-name …`)",
        )
        return
    configured = _configured(directory.connection, directory.settings.ldap_base_dn)
    for name in directory.query.time_attributes:
        if configured is None:
            yield _measured(directory, name)
        else:
            yield _finding(name, name.lower() in configured, "the configuration says")


def _finding(name: str, indexed: bool, how: str) -> Finding:
    if indexed:
        return Finding.ok(f"{name} is indexed, {how}")
    return Finding.fault(
        f"{name} is not indexed, {how}: every poll reads all people",
        f"let slapd index it: olcDbIndex: {name} eq (slapd.conf: index {name} eq, then slapindex)",
    )


def _configured(connection: Connection, base: str) -> set[str] | None:
    """Read which attributes the database of the people indexes; None where that is hidden."""
    try:
        found = connection.search_s(
            "cn=config", ldap.SCOPE_SUBTREE, "(olcSuffix=*)", ["olcSuffix", "olcDbIndex"]
        )
    except ldap.LDAPError:
        return None  # the usual case: the configuration is its administrators' to read
    databases: list[Mapping[str, list[bytes]]] = [cidict(entry) for dn, entry in found if dn]
    database = max(databases, key=lambda database: _depth(database, base), default={})
    if not _depth(database, base):
        return None
    return set(_equality_indexes(database.get("olcDbIndex", ())))


def _depth(database: Mapping[str, list[bytes]], base: str) -> int:
    """Return the length of a database's suffix if it holds the base, else 0."""
    person = str2dn(base.lower())
    suffixes = [str2dn(suffix.decode().lower()) for suffix in database.get("olcSuffix", [])]
    return max((len(s) for s in suffixes if s and person[-len(s) :] == s), default=0)


def _equality_indexes(lines: Sequence[bytes]) -> Iterator[str]:
    """Yield the names of lines like `updatedAt,uid eq,pres`; without kinds, `default` has them."""
    default = ""
    for line in lines:
        names, _, kinds = line.decode().lower().partition(" ")
        if names == "default":
            default = kinds
        elif "eq" in (kinds.strip() or default).split(","):
            yield from names.split(",")


def _measured(directory: Directory, name: str) -> Finding:
    bound = f"({name}>={NEVER})"
    single, indexed, full = _quickest(directory, (None, bound, f"(!(!{bound}))"))
    share = (indexed - single) / max(full - single, 1e-9)
    if full < CLEARLY_SLOWER * single or 0.25 < share < 0.5:
        return Finding.warning(
            f"whether {name} is indexed cannot be found out: the account may not read cn=config,"
            f" and reading all people takes {full * 1000:.1f} ms only",
            f"let slapd index it before there are many people (olcDbIndex: {name} eq)",
        )
    return _finding(name, share <= 0.25, f"as searches take {indexed * 1000:.1f} ms")


def _quickest(directory: Directory, conditions: Sequence[str | None]) -> list[float]:
    """Time the searches in turns, so that a busy moment slows all of them."""
    best = [float("inf")] * len(conditions)
    begun = perf_counter()
    for _ in range(REPEATS):
        best = [min(b, _seconds(directory, c)) for b, c in zip(best, conditions, strict=True)]
        if perf_counter() - begun > SECONDS:
            break
    return best


def _seconds(directory: Directory, condition: str | None) -> float:
    """Return how long a search of people takes; without a condition, of the base alone."""
    begun = perf_counter()
    if condition is None:
        base = directory.settings.ldap_base_dn
        directory.connection.search_s(base, ldap.SCOPE_BASE, attrlist=[NO_ATTRIBUTES])
    else:
        count(directory.people(condition))
    return perf_counter() - begun
