"""The embedded people: the one of Gluu's documentation, and made-up colleagues."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask_gluu_changes import AttributeType, Entry

TYPES = {"myIntegerCustomAttribute": AttributeType.NUMERIC}
COUNT = 120
FIRST = datetime(2019, 12, 20, 9, 0, tzinfo=UTC)
STEP = timedelta(hours=3, seconds=7, milliseconds=31)

GIVEN = ("Ada", "Bjørn", "Chloé", "Dmitri", "Elif", "Farid", "Grace", "Hiroshi", "Inés", "Jomo")
FAMILY = ("Almeida", "Brown", "Çelik", "Dvořák", "Eriksson", "Farouk", "Gómez")

DOCUMENTED: Entry = {
    "uid": ["jdoe"],
    "inum": ["a1b2c3d4-0000-4000-8000-000000000001"],
    "cn": ["Jane Doe"],
    "displayName": ["Jane"],
    "givenName": ["Jane"],
    "sn": ["Doe"],
    "mail": ["jane.doe@example.com", "jane@example.org"],
    "mobile": ["+15550100"],
    "gluuStatus": ["active"],
    "gluuSLAManager": ["TRUE"],
    "myIntegerCustomAttribute": ["123"],
    "userPassword": ["{SSHA}not-shown"],
    "secretAnswer": ["not shown"],
    "oxCreationTimestamp": ["20191224165959.120Z"],
    "updatedAt": ["20191225012729.934Z"],
}
"""The attributes of the sample in Gluu's documentation, and two secrets that nobody sees."""


def people() -> list[Entry]:
    """Make everybody, the same on every start."""
    return [DOCUMENTED, *map(_colleague, range(COUNT - 1))]


def _colleague(number: int) -> Entry:
    given, family = GIVEN[number % len(GIVEN)], FAMILY[number % len(FAMILY)]
    created = FIRST + number * STEP
    entry: dict[str, list[str]] = {
        "uid": [f"{given[0].lower()}{number:03}"],
        "inum": [f"a1b2c3d4-0000-4000-8000-1{number:011}"],
        "cn": [f"{given} {family}"],
        "displayName": [f"{given} {family}"],
        "givenName": [given],
        "sn": [family],
        "mail": [f"user{number:03}@example.org"],
        "gluuStatus": ["inactive" if number % 20 == 19 else "active"],
        "gluuSLAManager": ["TRUE" if number % 15 == 0 else "FALSE"],
        "myIntegerCustomAttribute": [str(number)],
        "userPassword": ["{SSHA}not-shown"],
        "oxCreationTimestamp": [_generalized_time(created)],
    }
    if number % 3:  # as in Gluu, whoever was only created has no updatedAt
        entry["updatedAt"] = [_generalized_time(created + timedelta(minutes=number))]
    return entry


def _generalized_time(moment: datetime) -> str:
    return f"{moment:%Y%m%d%H%M%S}.{moment.microsecond // 1000:03}Z"
