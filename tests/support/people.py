"""People as Gluu keeps them, made from a number: the same number gives the same person."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

SUFFIX = "o=gluu"
PEOPLE_DN = f"ou=people,{SUFFIX}"
GROUPS_DN = f"ou=groups,{SUFFIX}"
ATTRIBUTES_DN = f"ou=attributes,{SUFFIX}"
ADMIN_DN = f"cn=directory manager,{SUFFIX}"
ADMIN_PASSWORD = "admin-secret"
READER_DN = f"cn=reader,{SUFFIX}"
READER_PASSWORD = "reader-secret"

UPDATE_DELAY = timedelta(milliseconds=500)  # from a person's creation to the last update
NEVER_UPDATED = 10  # one person in so many has no updatedAt, as SCIM creates them

GIVEN_NAMES = ("Anna", "Bjørn", "Chloé", "David", "Elif", "François", "Grace", "Hiroshi")
SURNAMES = ("Almeida", "Brown", "Çelik", "Dvořák", "Eriksson", "Müller", "O'Neil")
PLACES = (
    ("Köln", b"de-DE", b"Europe/Berlin"),
    ("Chicago", b"en-US", b"America/Chicago"),
    ("Recife", b"pt-BR", b"America/Recife"),
)
PERSON_CLASSES = [b"top", b"gluuPerson", b"gluuCustomPerson"]

# RFC 2849: a value that starts with a blank, ':' or '<', ends with a blank, or holds anything
# but ASCII without NUL, CR and LF, is written in base64.
_SAFE = re.compile(rb"(?![ :<])[\x01-\x09\x0b\x0c\x0e-\x7f]*(?<! )\Z").match


def person(i: int, *, created: datetime, updated: datetime | None) -> dict[str, list[bytes]]:
    """Make the i-th person; times are aware and kept to the millisecond.

    22 values, about 744 bytes as compact JSON, objectClass and userPassword not counted.
    """
    entry = {"objectClass": PERSON_CLASSES, **_names(i), **_account(i), **_times(created, updated)}
    entry["oxTrustMetaLocation"] = [
        b"https://gluu.example/identity/restv1/scim/v2/Users/" + inum(i).encode()
    ]
    return entry


def _names(i: int) -> dict[str, list[bytes]]:
    given = GIVEN_NAMES[i % len(GIVEN_NAMES)]
    surname = SURNAMES[i % len(SURNAMES)]
    full = f"{given} {surname} {i}".encode()
    return {
        "cn": [full],
        "displayName": [full],
        "givenName": [given.encode()],
        "sn": [surname.encode()],
        "uid": [b"user%07d" % i],
        "inum": [inum(i).encode()],
        "mail": [b"user%07d@example.org" % i, b"u%07d@example.com" % i],
        "mobile": [b"+1 555 %07d" % i],
    }


def _account(i: int) -> dict[str, list[bytes]]:
    city, locale, zone = PLACES[i % len(PLACES)]
    return {
        "gluuStatus": [b"inactive" if i % 50 == 0 else b"active"],
        "gluuSLAManager": [b"TRUE" if i % 20 == 0 else b"FALSE"],
        "oxTrustActive": [b"FALSE" if i % 50 == 0 else b"TRUE"],
        "emailVerified": [b"TRUE" if i % 3 else b"FALSE"],
        "myIntegerCustomAttribute": [b"%d" % i],
        "employeeType": [b"staff"],
        "l": [city.encode()],
        "locale": [locale],
        "zoneinfo": [zone],
    }


def _times(created: datetime, updated: datetime | None) -> dict[str, list[bytes]]:
    times = {
        "oxCreationTimestamp": [generalized_time(created)],
        "oxTrustMetaLastModified": [iso_time(updated or created)],
    }
    if updated is not None:
        times["updatedAt"] = [generalized_time(updated)]
    return times


def inum(i: int) -> str:
    """Give the i-th person's key, which looks like a UUID and sorts unlike i."""
    text = hashlib.blake2b(i.to_bytes(8, "big"), digest_size=16).hexdigest()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def person_dn(i: int) -> str:
    """Name the entry of the i-th person."""
    return f"inum={inum(i)},{PEOPLE_DN}"


def generalized_time(moment: datetime) -> bytes:
    """Write a time as the directory holds it: 20191225012729.934Z."""
    text = iso_time(moment)
    return b"%b%b%b%b%b%b" % (text[:4], text[5:7], text[8:10], text[11:13], text[14:16], text[17:])


def iso_time(moment: datetime) -> bytes:
    """Write a time as SCIM does: 2019-12-25T01:27:29.934Z."""
    plain = moment.astimezone(UTC).replace(tzinfo=None)
    return plain.isoformat(timespec="milliseconds").encode() + b"Z"


def to_ldif(dn: str, attributes: Mapping[str, Iterable[bytes]]) -> str:
    """Write one entry, with the blank line that ends it."""
    lines = [_line("dn", dn.encode())]
    for name, values in attributes.items():
        lines += [_line(name, value) for value in values]
    return "\n".join(lines) + "\n\n"


def _line(name: str, value: bytes) -> str:
    if _SAFE(value):
        return f"{name}: {value.decode()}"
    return f"{name}:: {base64.b64encode(value).decode()}"


def base_ldif() -> str:
    """Write what every directory starts with: the branches and the reader's account."""
    branches = [(PEOPLE_DN, b"people"), (GROUPS_DN, b"groups"), (ATTRIBUTES_DN, b"attributes")]
    reader = {"objectClass": [b"person"], "cn": [b"reader"], "sn": [b"reader"]}
    return (
        to_ldif(SUFFIX, {"objectClass": [b"organization"], "o": [b"gluu"]})
        + "".join(
            to_ldif(dn, {"objectClass": [b"organizationalUnit"], "ou": [name]})
            for dn, name in branches
        )
        + to_ldif(READER_DN, {**reader, "userPassword": [READER_PASSWORD.encode()]})
    )


def gluu_attribute(name: str, kind: str) -> str:
    """Write the registration of an attribute's type, such as "boolean" or "generalizedTime"."""
    key = hashlib.blake2b(name.encode(), digest_size=4).hexdigest().upper()
    return to_ldif(
        f"inum={key},{ATTRIBUTES_DN}",
        {
            "objectClass": [b"top", b"gluuAttribute"],
            "inum": [key.encode()],
            "gluuAttributeName": [name.encode()],
            "gluuAttributeType": [kind.encode()],
            "displayName": [name.encode()],
        },
    )


def people_ldif(count: int, *, start: datetime, step: timedelta) -> Iterator[str]:
    """Write people one by one: the i-th was created at start + i * step, updated a bit later.

    The delay never reaches the next creation, so that i orders both times.
    """
    delay = min(UPDATE_DELAY, step / 2)
    for i in range(count):
        created = start + i * step
        updated = None if i % NEVER_UPDATED == NEVER_UPDATED - 1 else created + delay
        yield to_ldif(person_dn(i), person(i, created=created, updated=updated))


def write_people_ldif(path: Path, count: int, *, start: datetime, step: timedelta) -> None:
    """Stream `people_ldif` into a file; memory stays flat."""
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.writelines(people_ldif(count, start=start, step=step))
