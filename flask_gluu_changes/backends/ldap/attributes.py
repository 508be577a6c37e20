"""Which attributes to ask a directory for: named, secrets need not even leave it.

It is quicker, too: values that nobody will see are the dearest part of an answer.
"""

from __future__ import annotations

from functools import lru_cache

from ...errors import BackendRefused
from ...model import ChangesQuery
from .schema import Facts

SORTED_BY = frozenset({"uid", "inum"})


def wanted(query: ChangesQuery, facts: Facts) -> tuple[str, ...]:
    """List the attributes for a search, as short as the query and the schema allow."""
    return _wanted(query.attributes, query.excluded, query.time_attributes, facts)


@lru_cache(maxsize=16)
def _wanted(
    needed: frozenset[str] | None,
    excluded: frozenset[str],
    times: tuple[str, ...],
    facts: Facts,
) -> tuple[str, ...]:
    names = facts.user_attributes if needed is None else needed
    if names is None:
        return ("*", *times)
    found = (names - excluded | SORTED_BY) - {time.lower() for time in times}
    return (*sorted(facts.spelling.get(name, name) for name in found), *times)


def check_times(times: tuple[str, ...], facts: Facts) -> None:
    """Refuse a time attribute that the schema does not know: nobody would ever match it."""
    for time in times:
        known = facts.spelling.get(time.lower())
        if facts.spelling and known != time:
            hint = f"spell it {known}" if known else "which the directory's schema does not have"
            raise BackendRefused(f"GLUU_CHANGES_TIME_ATTRIBUTES names {time}: {hint}")
