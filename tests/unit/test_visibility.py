"""Clients see no secret, whatever its schema calls it, and nothing that is denied."""

from __future__ import annotations

import pytest

from flask_gluu_changes.visibility import AttributeInfo, Visibility
from flask_gluu_changes.visibility.secret_names import NAMES, OIDS, is_secret_kind

OCTETS = "1.3.6.1.4.1.1466.115.121.1.40"
TEXT = "1.3.6.1.4.1.1466.115.121.1.15"

MAIL = AttributeInfo(frozenset({"mail", "rfc822mailbox", "0.9.2342.19200300.100.1.3"}))
CN = AttributeInfo(frozenset({"cn", "commonname", "2.5.4.3"}), frozenset({"name", "2.5.4.41"}))
KEY = AttributeInfo(frozenset({"userpkcs12", "keybag", "2.16.840.1.113730.3.1.216"}))
PIN = AttributeInfo(frozenset({"doorcode"}), is_secret=True)
SCHEMA = {name: info for info in (MAIL, CN, KEY, PIN) for name in info.names}


@pytest.mark.parametrize("name", [*NAMES, *OIDS])
def test_a_known_secret_is_hidden(name: str) -> None:
    """In any case, with any option, and by a column's way to write it."""
    rule = Visibility.of()
    spelled = [name, name.upper(), f"{name};binary", f"OID.{name}", name.replace("Pass", "_pass")]
    assert not any(map(rule.shows, spelled))


@pytest.mark.parametrize(
    "name",
    [
        *("password_hash", "pw_hash", "webPassword", "apiKey", "refresh_token", "totp_secret"),
        *("x-private-key", "backupCodes", "appPassphrase", "wifiPasswd", "secret"),
    ],
)
def test_a_name_of_no_known_schema_counts_by_its_words(name: str) -> None:
    """A host's own table has its own names."""
    assert not Visibility.of().shows(name)


@pytest.mark.parametrize(
    "name",
    [
        *("secretary", "oxPasswordExpirationDate", "jansPassExpDate", "passport", "pwdLastSet"),
        *(
            "sshPublicKey",
            "userCertificate",
            "sambaPwdMustChange",
            "employeeType",
            "password_set_at",
        ),
    ],
)
def test_what_only_sounds_like_a_secret_is_shown(name: str) -> None:
    """Else clients would miss what Gluu shows them."""
    assert Visibility.of().shows(name)


def test_denied_attributes_are_hidden_besides_the_secrets() -> None:
    """The list adds to what is hidden, and takes nothing from it."""
    rule = Visibility.of(denied=["telephoneNumber"])
    assert not any(map(rule.shows, ("telephoneNumber", *NAMES)))
    assert {"telephonenumber", "userpkcs12", "userpassword"} <= rule.hidden
    assert rule.shows("mobile")


@pytest.mark.parametrize("denied", ["mail", "RFC822Mailbox", "0.9.2342.19200300.100.1.3"])
def test_what_is_denied_is_hidden_by_all_its_names(denied: str) -> None:
    """By any of them, one means the attribute."""
    rule = Visibility.of(denied=[denied]).known_to(SCHEMA.get)
    assert not any(map(rule.shows, (*MAIL.names, "mail;lang-de", "OID.0.9.2342.19200300.100.1.3")))
    assert rule.shows("cn")


def test_what_is_denied_hides_what_is_a_kind_of_it() -> None:
    """RFC 4512, 2.5.1: whoever asks for `name` gets `cn`."""
    assert not Visibility.of(denied=["name"]).known_to(SCHEMA.get).shows("cn")
    assert not Visibility.of(["name"]).known_to(SCHEMA.get).shows("cn")


def test_what_is_allowed_is_shown_by_all_its_names() -> None:
    """And it alone."""
    rule = Visibility.of(["rfc822Mailbox"]).known_to(SCHEMA.get)
    assert rule.shows("mail")
    assert not rule.shows("cn")


def test_what_the_schema_calls_a_secret_is_hidden() -> None:
    """By its syntax, say: no name tells it."""
    assert not Visibility.of().known_to(SCHEMA.get).shows("doorCode")
    assert not Visibility.of(["doorCode"]).known_to(SCHEMA.get).shows("doorCode")
    assert Visibility.of(shown=["doorCode"]).known_to(SCHEMA.get).shows("doorCode")


def test_a_schema_that_is_read_anew_counts_at_once() -> None:
    """What was decided by the one before is decided again."""
    schema = dict(SCHEMA)
    rule = Visibility.of(denied=["nickname"]).known_to(schema.get)
    assert rule.shows("cn")
    schema["cn"] = AttributeInfo(frozenset({"cn", "nickname"}))
    assert not rule.shows("cn")
    assert rule.shows("mail")
    schema["mail"] = AttributeInfo(frozenset({"mail"}), is_secret=True)
    assert not rule.shows("mail")


@pytest.mark.parametrize("shown", ["userPKCS12", "2.16.840.1.113730.3.1.216"])
def test_a_secret_that_is_to_be_shown_is_shown_by_all_its_names(shown: str) -> None:
    """Its other names are in the list of secrets, too."""
    rule = Visibility.of(shown=[shown])
    assert not {"userpkcs12", "2.16.840.1.113730.3.1.216"} & rule.hidden
    assert all(map(rule.known_to(SCHEMA.get).shows, KEY.names))
    assert not rule.shows("authPassword")


def test_what_is_denied_or_never_shown_comes_before_what_is_to_be_shown() -> None:
    """The settings refuse such a list; here it does no harm."""
    rule = Visibility.of(denied=["userPKCS12"], shown=["userPKCS12", "userPassword"])
    assert not rule.shows("userPKCS12")
    assert not rule.shows("userPassword")


@pytest.mark.parametrize(
    ("name", "syntax", "equality", "operational", "secret"),
    [
        ("login", "1.3.6.1.4.1.4203.1.1.2", "", False, True),
        ("login", "1.3.6.1.4.1.26027.1.3.1", "", False, True),
        ("login", "1.2.840.113549.1.8.1.1", "", False, True),
        ("login", TEXT, "authPasswordExactMatch", False, True),
        ("login", TEXT, "1.3.6.1.4.1.26027.1.4.2", False, True),
        ("passwordExpirationTime", TEXT, "", True, True),
        ("passwordExpirationTime", TEXT, "", False, False),
        ("boxKey", OCTETS, "octetStringMatch", False, True),
        ("boxKey", TEXT, "", False, False),
        ("sshPublicKey", OCTETS, "octetStringMatch", False, False),
        ("jpegPhoto", OCTETS, "", False, False),
        ("createTimestamp", TEXT, "", True, False),
    ],
)
def test_a_schema_tells_secrets(
    name: str, syntax: str, equality: str, operational: bool, secret: bool
) -> None:
    """By the syntax of passwords, by their comparison, as the state of a policy, or as keys."""
    told = is_secret_kind(name, syntax=syntax, equality=equality, operational=operational)
    assert told is secret
