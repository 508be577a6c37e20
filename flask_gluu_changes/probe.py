"""The examination of a store about which nothing special is known: ask it, and look."""

from __future__ import annotations

from collections.abc import Iterator

from .model import ChangesQuery, Entry, Finding

IDENTITY = ("uid", "inum")


def probe(answer: Iterator[Entry], query: ChangesQuery) -> Iterator[Finding]:
    """Look at the first entry of an answer to a query for everybody."""
    first = next(answer, None)
    if first is None:
        yield Finding.warning(
            f"the store answers, but nobody has changed since {query.since:%Y-%m-%d}",
            "see whether the store is the right one, and whether people have change times in it",
        )
        return
    yield Finding.ok("the store answers with people")
    for name in IDENTITY:
        if not first.get(name):
            yield Finding.fault(f"a person has no {name}", f"let the backend give every {name}")
