"""Settings come from the environment as text, and a wrong one is named before the app starts."""

from __future__ import annotations

import dataclasses
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from flask_gluu_changes import AttributeType, ConfigurationError, GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.protection import ProtectionSettings
from flask_gluu_changes.settings.base import Settings
from flask_gluu_changes.settings.fields import PREFIX, key_of, refuse_unknown

FROM_THE_ENVIRONMENT: dict[str, tuple[str, object]] = {
    "profile": ("Janssen", "janssen"),
    "url_prefix": ("/feed/", "/feed"),
    "url_host": ("IdP.example.org:8443", "idp.example.org:8443"),
    "documents_prefix": ("/feed/documents", "/feed/documents"),
    "time_attributes": ("updatedAt, modifyTimestamp", ("updatedAt", "modifyTimestamp")),
    "max_page_size": ("200", 200),
    "naive_timezone": ("Europe/Berlin", ZoneInfo("Europe/Berlin")),
    "allowed_attributes": ("uid mail", ("uid", "mail")),
    "denied_attributes": ('["mobile", " sn "]', ("mobile", "sn")),
    "shown_secrets": ("pwdReset, userPKCS12", ("pwdReset", "userPKCS12")),
    "attribute_types": ('{"visits": "numeric"}', {"visits": AttributeType.NUMERIC}),
    "paging_session_seconds": ("2.5", 2.5),
    "max_paging_sessions": ("7", 7),
    "max_paging_octets": ("1000", 1000),
    "paging_folder": ("/var/lib/paging", "/var/lib/paging"),
    "server_threads": ("8", 8),
    "min_read_rate": ("1024", 1024),
}
WRONG: list[tuple[str, Any, str]] = [
    ("PROFILE", "gluu4", "must be one of gluu, janssen, not 'gluu4'"),
    ("URL_PREFIX", "feed", "must be a path that starts with '/', not 'feed'"),
    ("URL_PREFIX", "", "must be a path"),
    ("DOCUMENTS_PREFIX", 5, "must be a path"),
    ("TIME_ATTRIBUTES", 5, "must be a list of names, not 5"),
    ("TIME_ATTRIBUTES", "", "must hold at least one name"),
    ("TIME_ATTRIBUTES", [" "], "must hold at least one name"),
    ("MAX_PAGE_SIZE", "many", "must be a whole number from 1 to 100000, not 'many'"),
    ("MAX_PAGE_SIZE", 0, "must be a whole number"),
    ("MAX_PAGE_SIZE", 100_001, "must be a whole number"),
    ("MAX_PAGE_SIZE", True, "must be a whole number"),
    ("MAX_PAGE_SIZE", 5.0, "must be a whole number"),
    ("NAIVE_TIMEZONE", "Europe/Berlim", "must be an IANA time zone"),
    ("NAIVE_TIMEZONE", "../etc/passwd", "must be an IANA time zone"),
    ("NAIVE_TIMEZONE", "", "must be an IANA time zone"),
    ("NAIVE_TIMEZONE", 2, "must be an IANA time zone"),
    ("ALLOWED_ATTRIBUTES", {"uid": 1}, "must be a list of names"),
    ("DENIED_ATTRIBUTES", ["uid", 5], "must be a list of names"),
    ("ATTRIBUTE_TYPES", "numeric", "must map attribute names to types"),
    ("ATTRIBUTE_TYPES", {"visits": "number"}, "knows the types string, numeric"),
    ("ATTRIBUTE_TYPES", {"visits": ["numeric"]}, "knows the types"),
    ("PAGING_SESSION_SECONDS", "long", "must be a number of seconds from 1 to 86400, not 'long'"),
    ("PAGING_SESSION_SECONDS", 0.5, "must be a number of seconds"),
    ("PAGING_SESSION_SECONDS", "nan", "must be a number of seconds"),
    ("PAGING_SESSION_SECONDS", True, "must be a number of seconds"),
    ("MAX_PAGING_SESSIONS", -1, "must be a whole number from 1 to 10000, not -1"),
]


def _settings(**keys: object) -> Settings:
    return Settings.load({PREFIX + name: value for name, value in keys.items()})


def test_every_setting_reads_what_the_environment_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """`from_prefixed_env` decodes what is JSON, and leaves the rest as text."""
    assert FROM_THE_ENVIRONMENT.keys() == {field.name for field in dataclasses.fields(Settings)}
    for name, (text, _) in FROM_THE_ENVIRONMENT.items():
        monkeypatch.setenv(f"FLASK_{PREFIX}{name.upper()}", text)
    app = Flask(__name__)
    app.config.from_prefixed_env()
    settings = Settings.load(app.config)
    for name, (_, value) in FROM_THE_ENVIRONMENT.items():
        assert getattr(settings, name) == value, name


def test_types_may_be_set_one_by_one_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two underlines lead into a mapping, as everywhere in Flask."""
    monkeypatch.setenv(f"FLASK_{PREFIX}ATTRIBUTE_TYPES__visits", "numeric")
    app = Flask(__name__)
    app.config.from_prefixed_env()
    assert Settings.load(app.config).type_of("VISITS") is AttributeType.NUMERIC


@pytest.mark.parametrize(("name", "value", "reason"), WRONG)
def test_a_wrong_value_is_named_with_its_key(name: str, value: object, reason: str) -> None:
    """With what would be right, and what was found."""
    with pytest.raises(ConfigurationError, match=f"^{PREFIX}{name} ") as caught:
        _settings(**{name: value})
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("GLUU_CHANGES_MAX_PAGESIZE", "; did you mean GLUU_CHANGES_MAX_PAGE_SIZE?"),
        ("GLUU_CHANGES", ""),
        ("GLUU_CHANGESSCOPE", "; did you mean GLUU_CHANGES_SCOPE?"),
        ("GLUU_CHANGES_LDAP_URL", "; did you mean GLUU_CHANGES_LDAP_URI?"),
        ("GLUU_CHANGES_ZZZZ", ""),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_one(key: str, hint: str) -> None:
    """It is a typing error, and ignoring it might show what was to be hidden."""
    app = Flask(__name__)
    app.config.update({"TESTING": True, "GLUU_CHANGES_PROTECTION": "bypass", key: "5"})
    with pytest.raises(ConfigurationError) as caught:
        GluuChanges(app, backend=MemoryBackend())
    assert str(caught.value).startswith(f"{key} is no setting of flask-gluu-changes")
    assert str(caught.value).endswith(hint)


@pytest.mark.parametrize(
    "variable",
    ["GLUU_CHANGE_SCOPE", "GLU_CHANGES_SCOPE", "GLUU_CHNAGES_SCOPE", "gluu_changes_scope"],
)
def test_a_misspelt_prefix_is_logged_with_the_nearest_key(
    variable: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The key may be the host's own, so that the application starts."""
    monkeypatch.setenv(f"FLASK_{variable}", "read")
    app = Flask(__name__)
    app.config.from_prefixed_env()
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    GluuChanges(app, backend=MemoryBackend())
    said = f"{variable} is not read by flask-gluu-changes; did you mean GLUU_CHANGES_SCOPE?"
    assert said in caplog.text


@pytest.mark.parametrize("variable", ["GLUU_CHANGES_AUDIENCE", "FLASK_GLUU_CHANGES_AUDIENCE"])
def test_a_variable_that_is_not_taken_over_is_logged(
    variable: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the prefix, or without `from_prefixed_env`, a setting would stay at its default."""
    monkeypatch.setenv(variable, "our-api")
    refuse_unknown({"GLUU_CHANGES_SCOPE": "read"}, [ProtectionSettings])
    assert f"the variable {variable} has no effect" in caplog.text
    caplog.clear()
    refuse_unknown({"GLUU_CHANGES_AUDIENCE": "our-api"}, [ProtectionSettings])
    assert not caplog.records


def test_a_nested_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flask reads two underscores as a key within a key."""
    monkeypatch.setenv("FLASK_GLUU_CHANGES__SCOPE", "read")
    app = Flask(__name__)
    app.config.from_prefixed_env()
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    with pytest.raises(ConfigurationError, match=r"^GLUU_CHANGES is no setting"):
        GluuChanges(app, backend=MemoryBackend())


def test_keys_of_others_are_not_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    """Nor those that are known."""
    known = [key_of(field) for field in dataclasses.fields(Settings)]
    refuse_unknown([*known, *Flask(__name__).config, "GLUU_OTHER", "OIDC_SCOPE"], [Settings])
    assert not caplog.records


@pytest.mark.parametrize(
    ("profile", "url", "documents", "created"),
    [
        (None, "/identity/restv1/scim", "/identity/scim", "oxCreationTimestamp"),
        ("gluu", "/identity/restv1/scim", "/identity/scim", "oxCreationTimestamp"),
        ("janssen", "/jans-scim/restv1/v2", "/jans-scim", "jansCreationTimestamp"),
    ],
)
def test_a_profile_brings_its_products_names(
    profile: str | None, url: str, documents: str, created: str
) -> None:
    """Gluu's are the default."""
    settings = _settings(PROFILE=profile) if profile else _settings()
    assert settings.url_prefix == url
    assert settings.documents_prefix == documents
    assert settings.time_attributes == ("updatedAt", created)


def test_a_setting_comes_before_its_profile() -> None:
    """And leaves the profile's others as they are."""
    settings = _settings(PROFILE="janssen", URL_PREFIX="/feed")
    assert (settings.url_prefix, settings.documents_prefix) == ("/feed", "/jans-scim")


def test_defaults_are_safe() -> None:
    """No protection is chosen for the operator, secrets are denied, and times are UTC."""
    settings = _settings()
    protection = ProtectionSettings(scope=())
    assert not protection.protection
    assert not protection.allow_bypass
    assert not settings.shown_secrets
    assert not settings.visibility.shows("secretAnswer")
    assert settings.naive_timezone is UTC


def test_configured_types_add_to_the_known_ones_and_replace_them() -> None:
    """Names are compared ignoring case (RFC 4512, 2.5)."""
    settings = _settings(ATTRIBUTE_TYPES={"Visits": "numeric", "BIRTHDATE": "string"})
    assert settings.type_of("visits") is AttributeType.NUMERIC
    assert settings.type_of("birthdate") is AttributeType.STRING
    assert settings.type_of("JPEGPHOTO") is AttributeType.PHOTO
    assert settings.type_of("cn") is None


def test_every_setting_says_what_it_means() -> None:
    """The documentation is written from these sentences."""
    assert all(field.metadata["meaning"] for field in dataclasses.fields(Settings))


def test_another_spelling_of_a_name_is_the_same_view() -> None:
    """A journal that was written by one is continued by the other."""
    one, other = _settings(ATTRIBUTE_TYPES={"Visits": "numeric"}), {"VISITS": "numeric"}
    assert one.digest == _settings(ATTRIBUTE_TYPES=other).digest != _settings().digest
