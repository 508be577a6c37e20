"""What is hidden is hidden by every name that the directory's schema knows."""

from __future__ import annotations

import pytest
from ldap.schema import SubSchema

from flask_gluu_changes import ChangesQuery
from flask_gluu_changes.backends.ldap.attributes import describe_all
from flask_gluu_changes.testing import NOON, person
from flask_gluu_changes.visibility import Visibility
from tests.support.directory import Directory, client_of

from .test_updated_users import iso, walk

OCTETS = "SYNTAX 1.3.6.1.4.1.1466.115.121.1.40"
TEXT = "SYNTAX 1.3.6.1.4.1.1466.115.121.1.15"
STATE = "USAGE directoryOperation"

MAIL = {"mail": [b"a@example.org"]}


def _found(directory: Directory, **settings: object) -> dict[str, object]:
    (found,) = walk(client_of(directory.backend, **settings), iso(NOON), 10)
    return dict(found)


@pytest.mark.parametrize("denied", ["mail", "RFC822MAILBOX", "0.9.2342.19200300.100.1.3"])
def test_a_denied_attribute_is_hidden_by_all_its_names(directory: Directory, denied: str) -> None:
    """The directory answers with one of them, whichever was meant."""
    directory.add("1", {**person("a"), **MAIL})
    assert "mail" not in _found(directory, DENIED_ATTRIBUTES=denied)
    query = ChangesQuery(NOON, excluded=Visibility.of(denied=[denied]).hidden)
    assert "mail" not in next(directory.backend.changes(query))


def test_a_denied_attribute_hides_those_that_are_kinds_of_it(directory: Directory) -> None:
    """`cn`, `sn` and others are kinds of `name` (RFC 4519)."""
    directory.add("1", {**person("a"), **MAIL, "givenName": [b"Ada"]})
    found = _found(directory, DENIED_ATTRIBUTES="name")
    assert not {"cn", "sn", "givenName"} & found.keys()
    assert {"uid", "inum", "mail"} <= found.keys()


@pytest.mark.parametrize("allowed", ["rfc822Mailbox", "0.9.2342.19200300.100.1.3"])
def test_an_allowed_attribute_is_shown_by_any_name(directory: Directory, allowed: str) -> None:
    """And is asked for by the one that the directory answers with."""
    directory.add("1", {**person("a"), **MAIL})
    assert _found(directory, ALLOWED_ATTRIBUTES=allowed) == {"mail": ["a@example.org"]}


def test_what_the_directory_has_no_name_for_is_not_known(directory: Directory) -> None:
    """So that the doctor can name it."""
    assert directory.backend.describe("telefon") is None
    known = directory.backend.describe("surname")
    assert known is not None
    assert {"sn", "surname", "2.5.4.4"} == known.names
    assert {"name", "2.5.4.41"} == known.supertypes


def test_a_key_store_is_a_secret_and_a_secretary_is_none(directory: Directory) -> None:
    """RFC 2798 has both."""
    directory.add("1", {**person("a"), "userPKCS12": [b"\x30\x00"], "secretary": [b"o=gluu"]})
    found = _found(directory)
    assert "userPKCS12" not in found
    assert found["secretary"] == ["o=gluu"]
    assert "userPKCS12" in _found(directory, SHOWN_SECRETS="2.16.840.1.113730.3.1.216")


@pytest.mark.parametrize(
    ("definition", "name"),
    [
        (f"( 2.16.840.1.113730.3.8.16.1.8 NAME 'ipatokenOTPkey' {OCTETS} )", "ipatokenOTPkey"),
        ("( 1.1 NAME ( 'login' 'entry' ) SYNTAX 1.3.6.1.4.1.4203.1.1.2 )", "entry"),
        ("( 1.1 NAME 'login' EQUALITY authPasswordMatch )", "login"),
        (f"( 1.1 NAME 'boxKey' {OCTETS} )", "boxkey"),
        (f"( 1.1 NAME 'passwordExpirationTime' {TEXT} {STATE} )", "passwordexpirationtime"),
        (f"( 1.3.6.1.4.1.42.2.27.8.1.99 NAME 'novel' {TEXT} )", "novel"),
        (f"( 2.5.4.35 NAME ( 'phrase' 'userPassword' ) {OCTETS} )", "phrase"),
    ],
)
def test_a_schema_tells_what_is_a_secret(definition: str, name: str) -> None:
    """Whatever the attribute's name is."""
    schema = dict(describe_all(SubSchema({"attributeTypes": [definition.encode()]})))
    assert not Visibility.of().known_to(schema.get).shows(name)


def test_a_kind_of_a_password_is_a_secret() -> None:
    """Also where the schema lacks what it is a kind of."""
    definitions = [b"( 1.1 NAME 'phrase' SUP words )", b"( 1.2 NAME 'words' SUP userPassword )"]
    schema = dict(describe_all(SubSchema({"attributeTypes": definitions})))
    assert not Visibility.of().known_to(schema.get).shows("phrase")


def test_what_a_schema_calls_ordinary_is_shown() -> None:
    """An attribute without syntax, and one that is a kind of itself, are read as well."""
    definitions = [b"( 1.1 NAME 'motto' )", b"( 1.2 NAME 'loop' SUP loop )"]
    schema = dict(describe_all(SubSchema({"attributeTypes": definitions})))
    assert all(map(Visibility.of().known_to(schema.get).shows, ("motto", "loop", "1.1", "other")))
