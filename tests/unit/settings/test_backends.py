"""The settings of the LDAP backend are read as text, and refused where they contradict."""

from __future__ import annotations

import dataclasses
import re

import pytest
from flask import Flask

from flask_gluu_changes import ConfigurationError
from flask_gluu_changes.settings.backends import LdapSettings
from flask_gluu_changes.settings.fields import PREFIX

URI = "ldap://localhost:1389"
FROM_THE_ENVIRONMENT: dict[str, tuple[str, object]] = {
    "ldap_uri": ("ldap://localhost ldaps://two", ("ldap://localhost", "ldaps://two")),
    "ldap_bind_method": ("Simple", "simple"),
    "ldap_bind_dn": ("cn=reader,o=gluu", "cn=reader,o=gluu"),
    "ldap_bind_password": ("123456", "123456"),
    "ldap_base_dn": ("ou=staff,o=gluu", "ou=staff,o=gluu"),
    "ldap_attributes_dn": ("", ""),
    "ldap_object_class": ("person", "person"),
    "ldap_start_tls": ("1", True),
    "ldap_ca_file": ("/etc/ca.pem", "/etc/ca.pem"),
    "ldap_cert_file": ("/etc/cert.pem", "/etc/cert.pem"),
    "ldap_key_file": ("/etc/key.pem", "/etc/key.pem"),
    "ldap_connect_timeout": ("0.5", 0.5),
    "ldap_operation_timeout": ("60", 60.0),
    "ldap_compare_interval": ("60", 60.0),
}


def _settings(**keys: object) -> LdapSettings:
    given = {"LDAP_URI": URI, **keys}
    return LdapSettings.load({PREFIX + name: value for name, value in given.items()})


def _from_environment(monkeypatch: pytest.MonkeyPatch, **texts: str) -> LdapSettings:
    for name, text in texts.items():
        monkeypatch.setenv(f"FLASK_{PREFIX}{name.upper()}", text)
    app = Flask(__name__)
    app.config.from_prefixed_env()
    return LdapSettings.load(app.config)


def test_every_setting_reads_what_the_environment_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """`from_prefixed_env` decodes what is JSON, and leaves the rest as text."""
    assert FROM_THE_ENVIRONMENT.keys() == {f.name for f in dataclasses.fields(LdapSettings)}
    texts = {name: text for name, (text, _) in FROM_THE_ENVIRONMENT.items()}
    settings = _from_environment(monkeypatch, **texts)
    for name, (_, value) in FROM_THE_ENVIRONMENT.items():
        assert getattr(settings, name) == value, name


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("1234", "1234"),
        ("0123", "0123"),
        ("-5", "-5"),
        ("9" * 40, "9" * 40),
        ("hunter2", "hunter2"),
        ('"1e5"', "1e5"),
        ('"quo\\"ted"', 'quo"ted'),
        ("{broken", "{broken"),
    ],
)
def test_a_password_survives_the_environment(
    monkeypatch: pytest.MonkeyPatch, text: str, password: str
) -> None:
    """One of digits, which JSON takes for a number, above all."""
    settings = _from_environment(
        monkeypatch, ldap_uri=URI, ldap_bind_dn="cn=reader", ldap_bind_password=text
    )
    assert settings.ldap_bind_password == password


@pytest.mark.parametrize("text", ["1e5", "12.50", "true", "null", '{"secret": 1}', "[5]"])
def test_a_password_that_is_json_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """It cannot be told any more how it was written; the message tells how to write it."""
    with pytest.raises(ConfigurationError) as caught:
        _from_environment(
            monkeypatch, ldap_uri=URI, ldap_bind_dn="cn=reader", ldap_bind_password=text
        )
    assert re.fullmatch(
        "GLUU_CHANGES_LDAP_BIND_PASSWORD must be text, not (float|bool|NoneType|dict|list);"
        " in the environment, quote it as JSON text",
        str(caught.value),
    )


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"LDAP_URI": ""}, "LDAP_URI is missing; set it to ldap://"),
        ({"LDAP_URI": []}, "LDAP_URI is missing; set it to ldap://"),
        ({"LDAP_URI": "http://host"}, "LDAP_URI holds 'http://host'"),
        ({"LDAP_URI": [URI, "localhost"]}, "LDAP_URI holds 'localhost'"),
        ({"LDAP_BIND_DN": "cn=reader"}, "LDAP_BIND_DN and GLUU_CHANGES_LDAP_BIND_PASSWORD go"),
        ({"LDAP_BIND_PASSWORD": "x"}, "LDAP_BIND_DN and GLUU_CHANGES_LDAP_BIND_PASSWORD go"),
        ({"LDAP_BIND_METHOD": "gssapi"}, "LDAP_BIND_METHOD must be one of simple, external"),
        ({"LDAP_START_TLS": "maybe"}, "LDAP_START_TLS must be true or false"),
        ({"LDAP_CONNECT_TIMEOUT": 0}, "LDAP_CONNECT_TIMEOUT must be a number of seconds"),
        ({"LDAP_OPERATION_TIMEOUT": "inf"}, "LDAP_OPERATION_TIMEOUT must be a number of seconds"),
        ({"LDAP_BASE_DN": None}, "LDAP_BASE_DN must be text, not NoneType"),
        ({"PROFILE": "other"}, "PROFILE must be one of gluu, janssen"),
    ],
)
def test_what_cannot_hold_is_refused_by_name(keys: dict[str, object], reason: str) -> None:
    """Half a simple bind above all, which would be anonymous (RFC 4513, 5.1.2)."""
    with pytest.raises(ConfigurationError) as caught:
        _settings(**keys)
    assert str(caught.value).startswith(PREFIX + reason)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"LDAP_BIND_DN": "cn=reader", "LDAP_BIND_PASSWORD": "x"},
        {"LDAP_BIND_METHOD": "external", "LDAP_URI": "ldapi://%2frun%2fldapi"},
        {"LDAP_URI": "ldaps://one,ldaps://two"},
    ],
)
def test_what_belongs_together_is_accepted(keys: dict[str, object]) -> None:
    """Anonymous, with a password, and SASL EXTERNAL."""
    assert _settings(**keys).ldap_uri


@pytest.mark.parametrize(
    ("profile", "suffix", "person"),
    [(None, "o=gluu", "gluuPerson"), ("janssen", "o=jans", "jansPerson")],
)
def test_a_profile_brings_its_products_layout(
    profile: str | None, suffix: str, person: str
) -> None:
    """Gluu's is the default."""
    settings = _settings(PROFILE=profile) if profile else _settings()
    assert settings.ldap_base_dn == f"ou=people,{suffix}"
    assert settings.ldap_attributes_dn == f"ou=attributes,{suffix}"
    assert settings.ldap_object_class == person


def test_a_setting_comes_before_its_profile() -> None:
    """And leaves the profile's others as they are; an empty one counts as set."""
    settings = _settings(PROFILE="janssen", LDAP_BASE_DN="o=x", LDAP_ATTRIBUTES_DN="")
    assert (settings.ldap_base_dn, settings.ldap_attributes_dn) == ("o=x", "")
    assert settings.ldap_object_class == "jansPerson"


def test_every_setting_says_what_it_means() -> None:
    """The documentation is written from these sentences."""
    assert all(field.metadata["meaning"] for field in dataclasses.fields(LdapSettings))
