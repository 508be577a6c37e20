"""What clients see and what is hidden from them, for the doctor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from ..backend import Backend
from ..model import ChangesQuery, Finding
from ..settings.base import Settings
from ..settings.fields import PREFIX
from ..visibility.rule import base_name

PEOPLE = 100
"""People whose attributes are looked at; of the values nothing is told."""

NAMING = ("allowed_attributes", "denied_attributes", "shown_secrets", "attribute_types")
"""The settings that name attributes, besides those whose names must be right to find anybody."""


def examine_shown(settings: Settings, backend: Backend, query: ChangesQuery) -> Iterator[Finding]:
    """Yield what clients see, what they do not, and names that the store does not know.

    Raises BackendError where the store cannot be asked.
    """
    yield from _unknown(settings, backend)
    if settings.shown_secrets:
        yield Finding.warning(
            f"clients may see secrets: {', '.join(settings.shown_secrets)}",
            f"take them out of {PREFIX}SHOWN_SECRETS if that is not meant",
        )
    yield from _seen(settings, getattr(backend, "source", None) or backend, query)


def _unknown(settings: Settings, backend: Backend) -> Iterator[Finding]:
    for setting in NAMING:
        for name in getattr(settings, setting):
            if backend.describe(base_name(name)) is None:
                key = f"{PREFIX}{setting.upper()}"
                yield Finding.warning(
                    f"{key} names {name}, which the store does not have",
                    f"correct the name in {key}, or leave it for another server that has it",
                )


def _seen(settings: Settings, store: Backend, query: ChangesQuery) -> Iterator[Finding]:
    shows = settings.visibility.known_to(store.describe).shows
    everything = replace(query, attributes=None, excluded=frozenset(), everybody=True)
    people = [set(entry) for entry in islice(store.changes(everything), PEOPLE)]
    names = sorted(set[str]().union(*people))
    for is_shown, who in ((True, "clients see"), (False, "hidden from clients")):
        listed = ", ".join(name for name in names if shows(name) is is_shown)
        if listed:
            yield Finding.ok(f"{who}: {listed} (people looked at: {len(people)})")
