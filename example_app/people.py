"""The embedded people: the one of Gluu's documentation, and made-up colleagues."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from .tables import Layout, Row

COUNT = 1000
FIRST = datetime(2019, 12, 20, 9, 0)
STEP = timedelta(hours=3, seconds=7, milliseconds=31)

GIVEN = (
    *("Ada", "Bjørn", "Chloé", "Dmitri", "Elif", "Farid", "Grace", "Hiroshi", "Inés", "Jomo"),
    *("Karim", "Leïla", "Mateus", "Noor", "Olga", "Priya", "Quentin", "Rosa", "Siobhán", "Tomáš"),
)
FAMILY = (
    *("Almeida", "Brown", "Çelik", "Dvořák", "Eriksson", "Farouk", "Gómez", "Haddad", "Ibarra"),
    *("Jensen", "Kowalski", "Lindqvist", "Müller", "Nakamura", "O'Neil", "Papadopoulos", "Qureshi"),
    *("Rossi", "Sørensen", "Tanaka", "Ünal", "Varga", "Wójcik"),
)
PLACES = ("example.com", "example.net", "example.org")

JANE: Row = {
    "uid": "jdoe",
    "cn": "Jane Doe",
    "displayName": "Jane",
    "givenName": "Jane",
    "sn": "Doe",
    "mail": ["jane.doe@example.com", "jane@example.org"],
    "mobile": ["+15550100"],
    "gluuStatus": "active",
    "gluuSLAManager": True,
    "myIntegerCustomAttribute": 123,
    "userPassword": "{SSHA}not-shown",
    "secretAnswer": "not shown",
    "updatedAt": datetime(2019, 12, 25, 1, 27, 29, 934_000),
}
"""The attributes of the sample in Gluu's documentation, and two secrets that are never shown."""

JANE_INUM = "a1b2c3d4-0000-4000-8000-000000000001"
JANE_CREATED = datetime(2019, 12, 24, 16, 59, 59, 120_000)


def people(layout: Layout) -> Iterator[Row]:
    """Return all people, the same on every machine."""
    yield {**layout.identify(JANE_INUM), **JANE, layout.created: JANE_CREATED}
    for number in range(COUNT - 1):
        yield _colleague(number, layout)


def names(number: int) -> Row:
    """Return the names and addresses of the person of a number; the uid is unique."""
    given, family = GIVEN[number % len(GIVEN)], FAMILY[number % len(FAMILY)]
    uid = f"{given[0].lower()}{number:04}"
    return {
        "uid": uid,
        "cn": f"{given} {family}",
        "displayName": f"{given} {family}",
        "givenName": given,
        "sn": family,
        "mail": [f"{uid}@{PLACES[number % len(PLACES)]}"],
        "mobile": [f"+1555{number:07}"],
    }


def _colleague(number: int, layout: Layout) -> Row:
    created = FIRST + number * STEP
    later = created + timedelta(minutes=number)
    return {
        **layout.identify(f"a1b2c3d4-0000-4000-8000-1{number:011}"),
        **names(number),
        "gluuStatus": "inactive" if number % 20 == 19 else "active",
        "gluuSLAManager": number % 15 == 0,
        "myIntegerCustomAttribute": number,
        "userPassword": "{SSHA}not-shown",
        "secretAnswer": None,
        layout.created: created,
        "updatedAt": later
        if number % 3
        else None,  # as in Gluu: a person who was never changed has none
    }
