"""Whether the clocks are right, by the server's own time and by times in the future.

slapd shows its time in `cn=Monitor`, where it has one that the account may read; some other servers
show it in the root DSE or in an entry of that name. Without it only a clock that is ahead can be
proved, by what was written with it: the directory's own `modifyTimestamp`, or the time attributes,
which are written by Gluu.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import ldap
from ldap.cidict import cidict

from ....model import BEFORE_ALL, Finding, time_of
from ....timestamps import from_micros, to_generalized_time, to_micros
from ..connection import Connection
from .context import Directory

TOLERATED = timedelta(seconds=60)

SERVER_TIMES = (
    ("cn=Current,cn=Time,cn=Monitor", "monitorTimestamp"),
    ("cn=monitor", "currentTime"),
    ("", "currentTime"),
)
"""Entries and attributes in which servers show their time."""

WRITTEN_BY_THE_SERVER = "modifyTimestamp"
ADVICE = (
    "set the clocks by NTP (`timedatectl set-ntp true`); clients take over the latest time that"
    " they see, and miss changes"
)


def examine_clock(directory: Directory) -> Iterator[Finding]:
    """Compare the server's clock with this machine's, and look for times in the future."""
    server_time = _server_time(directory.connection)
    if server_time is None:
        yield Finding.warning(
            "the directory does not show its time; a clock that is behind cannot be noticed",
            "let the account that binds read cn=Monitor (slapd: `database monitor`, `access to"
            " dn.subtree=cn=Monitor by dn.exact=… read`)",
        )
    else:
        yield _compared(server_time - datetime.now(UTC))
    for name in dict.fromkeys((*directory.query.time_attributes, WRITTEN_BY_THE_SERVER)):
        yield from _future(directory, name)


def _compared(difference: timedelta) -> Finding:
    seconds = round(difference.total_seconds())
    if abs(difference) <= TOLERATED:
        return Finding.ok(f"the directory's clock and this machine's differ by {abs(seconds)} s")
    way = "ahead of" if seconds > 0 else "behind"
    return Finding.fault(f"the directory's clock is {abs(seconds)} s {way} this machine's", ADVICE)


def _server_time(connection: Connection) -> datetime | None:
    for base, name in SERVER_TIMES:
        try:
            found = connection.search_s(base, ldap.SCOPE_BASE, attrlist=[name])
        except ldap.LDAPError:
            continue  # no such entry, or no right to see it: both are usual
        values = [value for dn, entry in found if dn is not None for value in entry.values()]
        if values and (micros := time_of(values[0][0], BEFORE_ALL)) > BEFORE_ALL:
            return from_micros(micros)
    return None


def _future(directory: Directory, name: str) -> Iterator[Finding]:
    now = datetime.now(UTC)
    bound = to_generalized_time(now + TOLERATED)
    people = map(cidict, directory.people(f"({name}>={bound})", (name,)))
    times = [time_of(value, BEFORE_ALL) for person in people for value in person.get(name, ())]
    if times:
        ahead = (max(times) - to_micros(now)) // 10**6
        yield Finding.fault(
            f"{name} of {len(times)} people lies in the future, by up to {ahead} s: the clock that"
            " wrote it was ahead of this machine's",
            f"{ADVICE}; then correct these times: ldapsearch '({name}>={bound})', ldapmodify with"
            f" `replace: {name}`",
        )
