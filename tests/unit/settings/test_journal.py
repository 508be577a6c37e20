"""The settings of a journal that is served."""

from __future__ import annotations

import pytest
from flask import Flask

from flask_gluu_changes import ConfigurationError
from flask_gluu_changes.settings.journal import JournalSettings


def _load(**config: object) -> JournalSettings:
    return JournalSettings.load({key.upper(): value for key, value in config.items()})


def test_every_setting_reads_what_the_environment_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """As text, or as what JSON makes of it."""
    values = {
        "JOURNAL_URL": "sqlite:////var/lib/changes/journal.db",
        "TOKEN_SECRET": "12345678",
        "RETENTION_DAYS": "7",
        "MAX_WAITERS": "5",
        "MAX_WAIT_SECONDS": "2.5",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"FLASK_GLUU_CHANGES_{name}", value)
    app = Flask(__name__)
    app.config.from_prefixed_env()
    read = JournalSettings.load(app.config)
    assert (read.journal_url, read.token_secret) == (values["JOURNAL_URL"], ("12345678",))
    assert (read.retention_days, read.max_waiters, read.max_wait_seconds) == (7, 5, 2.5)
    assert read.retention == 7 * 86_400 * 10**6


@pytest.mark.parametrize(
    ("name", "value"),
    [("retention_days", 0), ("max_waiters", -1), ("max_wait_seconds", 601), ("journal_url", [])],
)
def test_a_wrong_value_is_named_with_its_key(name: str, value: object) -> None:
    """Before the application starts."""
    with pytest.raises(ConfigurationError, match=f"GLUU_CHANGES_{name.upper()} must be"):
        _load(**{f"gluu_changes_{name}": value})


@pytest.mark.parametrize("key", ["the app's own", b"the app's own"])
def test_the_applications_secret_is_the_default(key: str | bytes) -> None:
    """And its own setting comes before it."""
    settings = _load(secret_key=key)
    settings.check()
    assert settings.token_secret
    assert _load(secret_key=key, gluu_changes_token_secret="x").token_secret == ("x",)


@pytest.mark.parametrize("key", [None, "", b""])
def test_without_any_secret_nothing_is_signed(key: str | bytes | None) -> None:
    """Else anybody could write tokens."""
    with pytest.raises(ConfigurationError, match="GLUU_CHANGES_TOKEN_SECRET is missing"):
        _load(secret_key=key).check()


def test_the_secret_is_in_no_repr() -> None:
    """A repr ends in logs."""
    assert "hush" not in repr(_load(gluu_changes_token_secret="hush"))
