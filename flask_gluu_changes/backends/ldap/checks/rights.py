"""May the account that binds read what is asked for? RFC 4511, 4.5.1.7 has a filter for it.

A server that hides an attribute evaluates `(mail=*)` and its negation to Undefined both, so whoever
matches neither is a person whose attribute the account may not use in a search. Whoever matches and
then comes without a value is one whose attribute it may not read. People who are hidden altogether
cannot be seen at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ....model import Finding
from ..attributes import SORTED_BY
from .directory import Directory, count


def examine_rights(directory: Directory) -> Iterator[Finding]:
    """Examine the attributes that are asked for; without people there is nothing to see."""
    if not count(directory.people()):
        return
    hidden = False
    for name in _asked(directory):
        for found in _right(directory, name):
            hidden = True
            yield found
    if not hidden:
        yield Finding.ok(f"the account may read {', '.join(_asked(directory))}")
        yield from _gaps(directory)


def _asked(directory: Directory) -> list[str]:
    """Name what every answer needs and what is allowed by name, as far as the schema has it."""
    query, spelling = directory.query, directory.facts.spelling
    allowed = (query.attributes or frozenset()) - query.excluded
    times = {name.lower() for name in query.time_attributes}
    names = SORTED_BY | times | {name for name in allowed if not spelling or name in spelling}
    return [spelling.get(name, name) for name in sorted(names)]


def _right(directory: Directory, name: str) -> Iterator[Finding]:
    before = count(directory.people())
    decided = count(directory.people(f"(|({name}=*)(!({name}=*)))"))
    empty = sum(not entry for entry in directory.people(f"({name}=*)", (name,)))
    people = min(before, count(directory.people()))
    for number, deed in ((people - decided, "search"), (empty, "read")):
        if number > 0:
            yield Finding.fault(
                f"the account that binds may not {deed} {name} of {number} of {people} people",
                f"give it the right (slapd: access to attrs={name} by dn.exact=… read)",
            )


def _gaps(directory: Directory) -> Iterator[Finding]:
    """Look for people who lack what they are found or told apart by."""
    times = directory.query.time_attributes
    for names, result in ((times, "they are never listed"), *_IDENTITY):
        number = count(directory.people(_lacking(names)))
        if number:
            yield Finding.warning(
                f"{number} people have no {' and no '.join(names)}: {result}",
                "see who writes these people",
            )


_IDENTITY = tuple(((name,), "clients cannot tell who they are") for name in sorted(SORTED_BY))


def _lacking(names: Sequence[str]) -> str:
    return f"(!(|{''.join(f'({name}=*)' for name in names)}))"
