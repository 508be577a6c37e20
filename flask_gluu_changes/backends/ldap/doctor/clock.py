"""Are the clocks right? Two signs: the time that the server tells, and times in the future.

slapd tells its time in `cn=Monitor`, where it has one that the account may read; some other servers
tell it in the root DSE or in an entry of that name. Without it only a clock that is ahead can be
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
from ..connection import Handle
from .context import Directory

TOLERATED = timedelta(seconds=60)
TOLD = (
    ("cn=Current,cn=Time,cn=Monitor", "monitorTimestamp"),
    ("cn=monitor", "currentTime"),
    ("", "currentTime"),
)
"""Entries and attributes in which servers tell their time."""

WRITTEN_BY_THE_SERVER = "modifyTimestamp"
ADVICE = "set the clocks by NTP; clients take over the latest time that they see, and miss changes"


def examine_clock(directory: Directory) -> Iterator[Finding]:
    """Compare the server's clock with this machine's, and look for times to come."""
    told = _told(directory.handle)
    if told is None:
        yield Finding.warning(
            "the directory does not tell its time; a clock that is behind cannot be noticed",
            "let the account that binds read cn=Monitor (slapd: database monitor)",
        )
    else:
        yield _compared(told - datetime.now(UTC))
    for name in dict.fromkeys((*directory.query.time_attributes, WRITTEN_BY_THE_SERVER)):
        yield from _future(directory, name)


def _compared(difference: timedelta) -> Finding:
    seconds = round(difference.total_seconds())
    if abs(difference) <= TOLERATED:
        return Finding.ok(f"the directory's clock and this machine's differ by {abs(seconds)} s")
    way = "ahead of" if seconds > 0 else "behind"
    return Finding.fault(f"the directory's clock is {abs(seconds)} s {way} this machine's", ADVICE)


def _told(handle: Handle) -> datetime | None:
    for base, name in TOLD:
        try:
            found = handle.search_s(base, ldap.SCOPE_BASE, attrlist=[name])
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
            f"{ADVICE}; then correct these times",
        )
