"""An application with incomplete protection does not start, and says what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import ECKey, OKPKey, RSAKey

from flask_gluu_changes import ConfigurationError, GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.oauth.keys import read_key
from flask_gluu_changes.protection import ProtectionSettings, Protector
from flask_gluu_changes.settings.protection import is_secure

OAUTH = {
    "protection": "oauth",
    "issuer": "https://as.example",
    "client_id": "rs",
    "client_secret": "s",
}


def load(**chosen: Any) -> ProtectionSettings:
    return ProtectionSettings.load({f"GLUU_CHANGES_{k.upper()}": v for k, v in chosen.items()})


def start(**config: Any) -> None:
    app = Flask(__name__)
    app.config.update(config)
    GluuChanges(app, backend=MemoryBackend())


@pytest.mark.parametrize("mode", [None, "", "basic", "none"])
def test_a_missing_or_unknown_mode_names_the_modes(mode: str | None) -> None:
    config = {} if mode is None else {"GLUU_CHANGES_PROTECTION": mode}
    with pytest.raises(ConfigurationError, match=r"PROTECTION.*uma, oauth, test, bypass"):
        start(**config)


@pytest.mark.parametrize(
    ("chosen", "missing"),
    [
        ({"protection": "oauth"}, "ISSUER.*CLIENT_ID.*CLIENT_SECRET"),
        ({"protection": "test"}, "ISSUER.*CLIENT_ID.*CLIENT_SECRET"),
        ({"protection": "uma"}, "ISSUER.*CLIENT_ID.*CLIENT_SECRET.*UMA_SCOPE"),
        ({**OAUTH, "scope": ""}, "GLUU_CHANGES_SCOPE must"),
        ({**OAUTH, "token_validation": "jwt"}, "GLUU_CHANGES_AUDIENCE must"),
        ({**OAUTH, "client_auth_method": "private_key_jwt"}, "CLIENT_KEY must"),
        ({**OAUTH, "client_key": "key.pem"}, "both set"),
        ({**OAUTH, "issuer": "http://as.example"}, "ISSUER must be an https"),
        ({**OAUTH, "issuer": ""}, "GLUU_CHANGES_ISSUER must be set"),
        ({**OAUTH, "issuer": "https://"}, "ISSUER must be an https"),
        ({**OAUTH, "issuer": 'https://as.example/"'}, "ISSUER must be an https"),
        ({**OAUTH, "token_endpoint": "http://as.example/token"}, "TOKEN_ENDPOINT must be an https"),
        ({"protection": True}, "PROTECTION must be one of uma, oauth, test, bypass, not True"),
        ({"allow_bypass": "yes"}, "ALLOW_BYPASS must be true or false, not 'yes'"),
        ({"allow_bypass": 2}, "ALLOW_BYPASS must be true or false, not 2"),
        ({**OAUTH, "realm": 'a"b'}, "REALM must be"),
        ({**OAUTH, "realm": "a\r\nb"}, "REALM must be"),
        ({**OAUTH, "token_cache_seconds": 61}, "TOKEN_CACHE_SECONDS must"),
        ({**OAUTH, "status_profile": "janssen"}, "STATUS_PROFILE must be one of standard, gluu"),
        (
            {**OAUTH, "protection": "uma", "uma_scope": "x", "token_validation": "jwt"},
            "does not go with uma",
        ),
        (
            {**OAUTH, "protection": "uma", "uma_scope": "x", "uma_challenge": "both"},
            "UMA_CHALLENGE must be one of dual, standard, gluu",
        ),
    ],
)
def test_incomplete_settings_are_named(chosen: dict[str, Any], missing: str) -> None:
    with pytest.raises(ConfigurationError, match=missing):
        load(**chosen)


@pytest.mark.parametrize(
    ("profile", "scope"),
    [
        ({}, "https://gluu.org/scim/users.read"),
        ({"profile": "gluu"}, "https://gluu.org/scim/users.read"),
        ({"profile": "janssen"}, "https://jans.io/scim/users.read"),
        ({"profile": "janssen", "scope": "own"}, "own"),
    ],
)
def test_the_scope_follows_the_profile_unless_it_is_set(
    profile: dict[str, str], scope: str
) -> None:
    """Gluu and Janssen name the same permission differently."""
    assert load(**OAUTH, **profile).scope == (scope,)


def test_a_typing_error_is_named() -> None:
    with pytest.raises(ConfigurationError, match="did you mean GLUU_CHANGES_CLIENT_SECRET"):
        start(GLUU_CHANGES_CLIENT_SECRETS="x", GLUU_CHANGES_PROTECTION="bypass", TESTING=True)


def test_no_secret_is_shown_by_an_error() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(**{**OAUTH, "client_secret": "hush", "client_key": "k"})
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(load(**{**OAUTH, "client_secret": "hush"}))


@pytest.mark.parametrize(
    ("url", "secure"),
    [
        ("https://as.example", True),
        ("http://localhost:8080/x", True),
        ("http://127.0.0.1", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:1", True),
        ("http://localhost.example", False),
        ("http://127.0.0.1.example", False),
        ("http://0.0.0.0", False),
        ("http://10.0.0.1", False),
        ("ftp://localhost", False),
        ("//as.example", False),
        ("https://[as.example", False),
    ],
)
def test_plain_http_is_for_loopback_only(url: str, secure: bool) -> None:
    assert is_secure(url) is secure


def test_bypass_needs_a_second_consent_outside_debug_and_testing() -> None:
    """What says no, as text, turns neither of them on."""
    for off in ("false", "0", "perhaps", False, None):
        with pytest.raises(ConfigurationError, match="GLUU_CHANGES_ALLOW_BYPASS"):
            start(GLUU_CHANGES_PROTECTION="bypass", DEBUG=off, TESTING=off)
    for on in (True, "true", 1):
        start(GLUU_CHANGES_PROTECTION="bypass", TESTING=on)
        start(GLUU_CHANGES_PROTECTION="bypass", DEBUG=on)


@pytest.mark.parametrize(
    ("chosen", "warning"),
    [
        ({"protection": "bypass", "allow_bypass": "true"}, "everybody can read every person"),
        ({**OAUTH, "protection": "test"}, "every client of the authorization server"),
        (OAUTH, "GLUU_CHANGES_AUDIENCE is not set"),
        ({**OAUTH, "audience": "changes"}, None),
        ({**OAUTH, "audience": "changes", "shown_secrets": "pwdReset"}, "secrets: pwdReset"),
    ],
)
def test_an_open_door_is_said_at_every_start(
    chosen: dict[str, Any], warning: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """In debug and testing mode, too: they may be on by mistake."""
    for mode in ({}, {"TESTING": True}, {"DEBUG": True}):
        caplog.clear()
        start(**{f"GLUU_CHANGES_{name.upper()}": value for name, value in chosen.items()}, **mode)
        assert [record.levelname for record in caplog.records] == ["WARNING"] * bool(warning)
        assert (warning or "") in caplog.text


@pytest.mark.parametrize("key", ["issuer", "resource"])
@pytest.mark.parametrize("url", ["https://as.example/?a=b", "https://as.example/#a"])
def test_what_names_something_has_no_query_and_no_fragment(key: str, url: str) -> None:
    with pytest.raises(ConfigurationError, match="without query and fragment"):
        load(**{**OAUTH, key: url})


def test_a_key_is_read_as_pem_and_as_jwk(tmp_path: Path) -> None:
    path = tmp_path / "key"
    for key in (RSAKey.generate_key(2048), ECKey.generate_key("P-256"), OKPKey.generate_key()):
        path.write_bytes(key.as_pem(private=True))
        assert read_key(str(path), "the key").is_private


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_key_that_cannot_be_used_is_refused_at_start(tmp_path: Path) -> None:
    public = tmp_path / "public.pem"
    public.write_bytes(RSAKey.generate_key(2048).as_pem(private=False))
    garbage = tmp_path / "garbage"
    garbage.write_text('{"kty": "oct", "k": "x"}')
    small = tmp_path / "small.pem"
    small.write_bytes(RSAKey.generate_key(1024).as_pem(private=True))
    other = tmp_path / "other.json"
    ec = ECKey.generate_key("P-256", {"alg": "RS256"}).as_dict(private=True)
    other.write_text(json.dumps(ec))
    wrong = {str(small): "2048 bits", str(other): "cannot sign as its alg says"}
    wrong |= {str(public): "public key", str(garbage): "no JWK", str(tmp_path / "none"): "read"}
    for path, cause in wrong.items():
        chosen = {**OAUTH, "client_key": path}
        del chosen["client_secret"]
        with pytest.raises(ConfigurationError, match=cause):
            Protector(load(**chosen))
