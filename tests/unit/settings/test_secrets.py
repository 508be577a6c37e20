"""Secrets come from files, too, and are in no repr and no error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_gluu_changes import ConfigurationError, GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.extension import SETTINGS
from flask_gluu_changes.settings.fields import SettingsGroup, key_of, keys_of, refuse_unknown
from flask_gluu_changes.settings.journal import JournalSettings
from flask_gluu_changes.settings.unsafe import check_token_secret

HUSH = "hush-hush-hush-hush"

SECRETS = {
    "GLUU_CHANGES_LDAP_BIND_PASSWORD",
    "GLUU_CHANGES_SQL_URL",
    "GLUU_CHANGES_CLIENT_SECRET",
    "GLUU_CHANGES_JOURNAL_URL",
    "GLUU_CHANGES_JOURNAL_READ_URL",
    "GLUU_CHANGES_TOKEN_SECRET",
}
NEEDED: Mapping[str, object] = {
    "GLUU_CHANGES_LDAP_URI": "ldap://localhost",
    "GLUU_CHANGES_LDAP_BIND_DN": "cn=reader",
    "GLUU_CHANGES_LDAP_BIND_PASSWORD": HUSH,
    "GLUU_CHANGES_SQL_URL": f"postgresql://u:{HUSH}@localhost/gluu",
    "GLUU_CHANGES_PROTECTION": "oauth",
    "GLUU_CHANGES_ISSUER": "https://as.example",
    "GLUU_CHANGES_CLIENT_ID": "rs",
    "GLUU_CHANGES_CLIENT_SECRET": HUSH,
    "GLUU_CHANGES_JOURNAL_URL": f"postgresql://u:{HUSH}@localhost/journal",
    "GLUU_CHANGES_JOURNAL_READ_URL": f"postgresql://u:{HUSH}@localhost/replica",
    "GLUU_CHANGES_TOKEN_SECRET": HUSH,
    "SECRET_KEY": HUSH,
}
OWNERS = {key_of(field): cls for cls in SETTINGS for field in fields(cls)}


def _value(key: str, config: Mapping[str, object]) -> Any:
    settings = OWNERS[key].load(config)
    return getattr(settings, key.removeprefix("GLUU_CHANGES_").lower())


def _from_file(key: str, file: object) -> dict[str, object]:
    return {**{k: v for k, v in NEEDED.items() if k != key}, f"{key}_FILE": str(file)}


def test_every_secret_may_come_from_a_file() -> None:
    """These settings are, or may hold, a secret."""
    declared = {key_of(f) for cls in SETTINGS for f in fields(cls) if len(keys_of(f)) > 1}
    assert declared == SECRETS
    refuse_unknown([f"{key}_FILE" for key in SECRETS], SETTINGS)


@pytest.mark.parametrize("key", sorted(SECRETS))
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_file_gives_what_the_key_would_give(tmp_path: Path, key: str, end: str) -> None:
    """Without the newline that editors write at its end."""
    file = tmp_path / "secret"
    file.write_bytes(f"{NEEDED[key]}{end}".encode())
    assert _value(key, _from_file(key, file)) == _value(key, NEEDED)


@pytest.mark.parametrize("key", sorted(SECRETS))
def test_a_file_that_gives_no_secret_is_refused_in_one_sentence(tmp_path: Path, key: str) -> None:
    """Which names the key, and shows nothing of the file."""
    empty, octets = tmp_path / "empty", tmp_path / "octets"
    empty.write_text("\n")
    octets.write_bytes(b"hush\xff")
    for file, why in (
        (empty, "is empty; write the secret into it"),
        (tmp_path / "missing", "cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
        (octets, "cannot be read: it is no text in UTF-8"),
    ):
        with pytest.raises(ConfigurationError, match=f"^{key}_FILE .*{why}$") as caught:
            OWNERS[key].load(_from_file(key, file))
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("key", sorted(SECRETS))
def test_a_secret_and_its_file_exclude_each_other(tmp_path: Path, key: str) -> None:
    """Nobody could tell which of them is the old one."""
    with pytest.raises(ConfigurationError, match=f"^{key} and {key}_FILE are both set"):
        OWNERS[key].load({**NEEDED, f"{key}_FILE": str(tmp_path)})


def test_what_is_no_secret_has_no_file() -> None:
    """A typing error is named as ever."""
    with pytest.raises(ConfigurationError, match="LDAP_URI_FILE is no setting"):
        refuse_unknown(["GLUU_CHANGES_LDAP_URI_FILE"], SETTINGS)


@pytest.mark.parametrize("cls", SETTINGS)
def test_no_repr_shows_a_secret(cls: type[SettingsGroup]) -> None:
    """A repr ends in logs and in error reports; it shows the rest."""
    shown = repr(cls.load(NEEDED))
    assert HUSH not in shown
    assert shown.startswith(f"{cls.__name__}(")


def test_several_secrets_come_as_a_list_or_as_lines(tmp_path: Path) -> None:
    """The first signs; a blank within one belongs to it."""
    file = tmp_path / "secrets"
    file.write_text("the new one\nthe old one\n")
    key = "GLUU_CHANGES_TOKEN_SECRET"
    for config in ({key: ["the new one", "the old one"]}, {f"{key}_FILE": str(file)}):
        assert JournalSettings.load(config).token_secret == ("the new one", "the old one")


def test_flasks_own_secrets_are_the_default() -> None:
    """The fallbacks verify, as they do in Flask; a secret of our own takes the place of all."""
    config = {"SECRET_KEY": b"\x01", "SECRET_KEY_FALLBACKS": ["old", b"\x02"]}
    assert JournalSettings.load(config).token_secret == ("01", "old", "02")
    own = {**config, "GLUU_CHANGES_TOKEN_SECRET": "x"}
    assert JournalSettings.load(own).token_secret == ("x",)


@pytest.mark.parametrize("secrets", ["a", ["a long secret of the tests", "b"]])
def test_a_secret_that_can_be_guessed_is_refused(
    secrets: object, caplog: pytest.LogCaptureFixture
) -> None:
    """Each of several verifies; while one develops, a warning will do."""
    config = {"GLUU_CHANGES_TOKEN_SECRET": secrets}
    settings = JournalSettings.load(config)
    for off in ({}, {"TESTING": "false"}, {"DEBUG": "no"}):
        with pytest.raises(ConfigurationError, match="fewer than 16 characters"):
            check_token_secret(settings, {**config, **off})
    assert not caplog.records
    check_token_secret(settings, {**config, "TESTING": True})
    assert "fewer than 16 characters" in caplog.text


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"SHOWN_SECRETS": "mail;x userPassword"}, "SHOWN_SECRETS names userpassword, which is"),
        ({"SHOWN_SECRETS": "PIN", "DENIED_ATTRIBUTES": "pin"}, "both name pin; take it out"),
    ],
)
def test_a_list_of_shown_secrets_that_cannot_hold_is_refused(
    more: dict[str, str], sentence: str
) -> None:
    """The application does not start."""
    app = Flask(__name__)
    app.config.update({f"GLUU_CHANGES_{name}": value for name, value in more.items()})
    app.config.update(GLUU_CHANGES_PROTECTION="bypass", TESTING=True)
    with pytest.raises(ConfigurationError, match=sentence):
        GluuChanges(app, backend=MemoryBackend())
