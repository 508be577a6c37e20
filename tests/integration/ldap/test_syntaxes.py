"""Every syntax that a person of Gluu's holds arrives as the JSON that its type promises."""

from __future__ import annotations

import base64
import logging
import ssl
from pathlib import Path
from typing import Any

import ldap
import pytest

from flask_gluu_changes.testing import NOON, person
from tests.support.directory import Directory, client_of, dn_of
from tests.support.people import ATTRIBUTES_DN, PEOPLE_DN, gluu_attribute
from tests.support.slapd import Slapd, make_certificates

from .test_updated_users import iso, walk


def only(directory: Directory, attributes: dict[str, list[bytes]], **settings: Any) -> Any:
    """Add one person with these attributes and give the person as the endpoint does."""
    directory.add("1", {**person("a"), **attributes})
    (found,) = walk(client_of(directory.backend, **settings), iso(NOON), 10)
    return found


@pytest.mark.parametrize(
    ("name", "written", "shown"),
    [
        ("updatedAt", b"20240501120000.5Z", "2024-05-01T12:00:00.500Z"),
        ("oxLastLogonTime", b"20240501120000Z", "2024-05-01T12:00:00Z"),
        ("oxPasswordExpirationDate", b"20240501120000.000Z", "2024-05-01T12:00:00Z"),
        ("birthdate", b"199912312359-0500", "2000-01-01T04:59:00Z"),
        ("gluuSLAManager", b"TRUE", True),
        ("emailVerified", b"FALSE", False),
        ("associatedClient", b"inum=1,ou=clients,o=gluu", "inum=1,ou=clients,o=gluu"),
        ("memberOf", b"inum=60B7,ou=groups,o=gluu", "inum=60B7,ou=groups,o=gluu"),
        ("gluuStatus", b"active", "active"),
        ("oxTrustEmail", b'{"value": "a@b"}', '{"value": "a@b"}'),
        ("displayName", "Zoë \U0001f600 \\ \" '".encode(), "Zoë \U0001f600 \\ \" '"),
        ("employeeNumber", b"20191225012729.934Z", "20191225012729.934Z"),
        ("preferredLanguage", b"de-DE", "de-DE"),
        ("seeAlso", b"o=gluu", "o=gluu"),
        ("telephoneNumber", b"+1 555 0100", "+1 555 0100"),
        ("myIntegerCustomAttribute", b"123", 123),
        ("myIntegerCustomAttribute", b"-1", -1),
        ("myIntegerCustomAttribute", b"9" * 40, int("9" * 40)),
    ],
)
def test_by_the_schema(directory: Directory, name: str, written: bytes, shown: object) -> None:
    """A value is typed by the server's schema: times, truths, numbers; strings stay strings."""
    assert only(directory, {name: [written]})[name] == [shown]


@pytest.mark.parametrize("name", ["jpegPhoto", "myBinaryCustomAttribute", "audio"])
def test_octets_are_base64(directory: Directory, name: str) -> None:
    """Photos and other octets come in base64, UTF-8 or not."""
    written = [b"\xff\xd8\xff\xe0", b"text"]
    found = only(directory, {name: written})
    assert sorted(base64.b64decode(value) for value in found[name]) == sorted(written)


def test_a_certificate(directory: Directory, tmp_path: Path) -> None:
    """A certificate keeps the option ;binary in its name (RFC 4523) and comes in base64."""
    make_certificates(tmp_path)
    der = ssl.PEM_cert_to_DER_cert((tmp_path / "server.pem").read_text())
    found = only(directory, {"userCertificate;binary": [der]})
    assert found["userCertificate;binary"] == [base64.b64encode(der).decode()]


def test_registered_types_come_first(server: Slapd, caplog: pytest.LogCaptureFixture) -> None:
    """What administrators registered wins over the schema; a misfit stays text and is logged."""
    server.stop()
    server.load(
        gluu_attribute("carLicense", "numeric")
        + gluu_attribute("EMPLOYEETYPE", "boolean")
        + gluu_attribute("description", "generalizedTime")
        + gluu_attribute("title", "unheard-of")
        + gluu_attribute("gluuSLAManager", "string")
        + gluu_attribute("jpegPhoto", "string")
    )
    server.start()
    directory = Directory(server)
    found = only(
        directory,
        {
            "carLicense": [b"7", b"007"],
            "employeeType": [b"true"],
            "description": [b"20240501120000Z", b"soon"],
            "title": [b"7"],
            "gluuSLAManager": [b"TRUE"],
            "jpegPhoto": [b"\xff\xfe"],
        },
    )
    assert sorted(map(str, found["carLicense"])) == ["007", "7"]
    assert 7 in found["carLicense"]
    assert found["employeeType"] == [True]
    assert sorted(found["description"]) == ["2024-05-01T12:00:00Z", "soon"]
    assert found["title"] == ["7"]
    assert found["gluuSLAManager"] == ["TRUE"]
    assert found["jpegPhoto"] == ["//4="]
    said = [record for record in caplog.records if record.name.endswith(".encoder")]
    assert sorted(record.message for record in said) == [
        f"{name!r} of ['1'] does not fit its type; it is served as text"
        for name in ("carLicense", "description", "jpegPhoto")
    ]


def test_without_registrations_the_schema_counts(
    server: Slapd, caplog: pytest.LogCaptureFixture
) -> None:
    """A directory without `ou=attributes` is served by its schema, and the log says so."""
    server.connect().delete_s(ATTRIBUTES_DN)
    with caplog.at_level(logging.WARNING):
        found = only(Directory(server), {"gluuSLAManager": [b"TRUE"]})
    assert found["gluuSLAManager"] == [True]
    assert "no attribute types to be read at ou=attributes,o=gluu" in caplog.text


def test_attribute_options_are_kept(directory: Directory) -> None:
    """`cn;lang-de` is a key of its own, typed and hidden as `cn` is."""
    names = {"cn;lang-de": [b"Anna"], "secretAnswer;lang-en": [b"blue"]}
    directory.add("1", person("a"))
    directory.admin.modify_s(
        dn_of("1"), [(ldap.MOD_ADD, name, values) for name, values in names.items()]
    )
    (found,) = walk(client_of(directory.backend), iso(NOON), 10)
    assert found["cn;lang-de"] == ["Anna"]
    assert not [name for name in found if name.startswith("secretAnswer")]


def test_people_below_people(directory: Directory) -> None:
    """The whole subtree counts, and entries that are no people do not."""
    directory.add("1", person("a"))
    parent = f"ou=branch,{PEOPLE_DN}"
    directory.admin.add_s(parent, [("objectClass", [b"organizationalUnit"])])
    entry = {**person("b"), "inum": [b"2"], "objectClass": [b"gluuPerson"]}
    directory.admin.add_s(f"inum=2,{parent}", [(n, list(v)) for n, v in entry.items()])
    found = walk(client_of(directory.backend), iso(NOON), 10)
    directory.admin.delete_s(f"inum=2,{parent}")
    assert [entry["inum"] for entry in found] == [["1"], ["2"]]
