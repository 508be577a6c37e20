"""Whether the directory sends the whole result, and whether the account may read it.

Two forms of one question must find equally many. slapd reports its size and time limits, but
`size.unchecked` only where it reads everybody; a search by the index of a time is cut short
and reported as a success. What lies above today's number of people cannot be seen.

RFC 4511, 4.5.1.7 has a filter for rights: a server that hides an attribute evaluates `(mail=*)` and
its negation to Undefined both, so whoever matches neither is a person whose attribute the account
may not use in a search. Whoever matches and then comes without a value is one whose attribute it
may not read. People who are hidden altogether cannot be seen at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import ldap

from ....backend import IDENTITY
from ....model import Finding
from ..errors import to_finding
from ..search import FEW_MATCHES
from .context import Directory, count

ADVICE = (
    "give the account that binds limits … size=unlimited time=unlimited, size.unchecked included"
    " (slapd.conf, or olcLimits)"
)

_NAMELESS = tuple(((name,), "clients cannot tell who they are") for name in sorted(IDENTITY))


def examine_limits(directory: Directory) -> Iterator[Finding]:
    """Count everybody, and compare the two forms of the backend's search."""
    try:
        people = count(directory.people())
    except ldap.LDAPError as error:
        yield to_finding(error, "reading all people")
        return
    if not people:
        yield _nobody(directory)
        return
    yield Finding.ok(f"no limit is in the way of all {people} people")
    yield from _compare_forms(directory, people)


def _nobody(directory: Directory) -> Finding:
    settings = directory.settings
    return Finding.warning(
        f"nobody of the class {settings.ldap_object_class} is to be seen below"
        f" {settings.ldap_base_dn}",
        "check GLUU_CHANGES_LDAP_BASE_DN and GLUU_CHANGES_LDAP_OBJECT_CLASS, and that the account"
        " that binds may read the people and their objectClass",
    )


def _compare_forms(directory: Directory, people: int) -> Iterator[Finding]:
    """Compare the two forms of the filter.

    Not among many people: the index answers too slowly to be used for all of them.
    """
    if people > FEW_MATCHES:
        return
    before = count(directory.changed(indexed=False))
    found = count(directory.changed(indexed=True))
    after = count(directory.changed(indexed=False))
    if found < min(before, after):
        yield Finding.fault(
            f"a search by the index finds {found} people and one without it {after}: the directory"
            " cuts answers short and calls them complete",
            ADVICE,
        )


def examine_rights(directory: Directory) -> Iterator[Finding]:
    """Examine the attributes that are asked for; without people nothing can be found out."""
    if not count(directory.people()):
        return
    hidden = False
    for name in _attributes(directory):
        for found in _examine_attribute(directory, name):
            hidden = True
            yield found
    if not hidden:
        yield Finding.ok(f"the account may read {', '.join(_attributes(directory))}")
        yield from _missing_values(directory)


def _attributes(directory: Directory) -> list[str]:
    """Return what every answer needs and what is allowed by name, as far as the schema has it."""
    query, spelling = directory.query, directory.info.spelling
    allowed = (query.attributes or frozenset()) - query.excluded
    times = {name.lower() for name in query.time_attributes}
    names = times.union(IDENTITY) | {name for name in allowed if not spelling or name in spelling}
    return [spelling.get(name, name) for name in sorted(names)]


def _examine_attribute(directory: Directory, name: str) -> Iterator[Finding]:
    before = count(directory.people())
    decided = count(directory.people(f"(|({name}=*)(!({name}=*)))"))
    empty = sum(not entry for entry in directory.people(f"({name}=*)", (name,)))
    # People may come or go meanwhile; the smaller number raises no false alarm.
    people = min(before, count(directory.people()))
    for number, deed in ((people - decided, "search"), (empty, "read")):
        if number > 0:
            yield Finding.fault(
                f"the account that binds may not {deed} {name} of {number} of {people} people",
                f"give it the right (slapd: access to attrs={name} by dn.exact=… read)",
            )


def _missing_values(directory: Directory) -> Iterator[Finding]:
    """Find people who lack a time, or what clients tell them apart by."""
    times = directory.query.time_attributes
    for names, result in ((times, "they are never listed"), *_NAMELESS):
        number = count(directory.people(_lacking(names)))
        if number:
            yield Finding.warning(
                f"{number} people have no {' and no '.join(names)}: {result}",
                f"find them by ldapsearch '{_lacking(names)}', and give them one by ldapmodify with"
                f" `add: {names[0]}`",
            )


def _lacking(names: Sequence[str]) -> str:
    return f"(!(|{''.join(f'({name}=*)' for name in names)}))"
