"""The keys of `follow` come from the environment, and a wrong one is named."""

from __future__ import annotations

import dataclasses

import pytest
from flask import Flask

from flask_gluu_changes import ConfigurationError
from flask_gluu_changes.settings.fields import PREFIX
from flask_gluu_changes.settings.journal import FollowSettings

FROM_THE_ENVIRONMENT: dict[str, tuple[str, object]] = {
    "follow_interval": ("2.5", 2.5),
    "follow_lag": ("0", 0.0),
    "follow_sweep": ("600", 600.0),
    "follow_lease": ("30", 30.0),
    "follow_max_removals": ("0.25", 0.25),
    "max_value_octets": ("1000", 1000),
    "max_entry_octets": ("5000", 5000),
}


def test_every_setting_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As text, in the units that the manual names."""
    assert FROM_THE_ENVIRONMENT.keys() == {f.name for f in dataclasses.fields(FollowSettings)}
    for name, (text, _) in FROM_THE_ENVIRONMENT.items():
        monkeypatch.setenv(f"FLASK_{PREFIX}{name.upper()}", text)
    app = Flask("settings")
    app.config.from_prefixed_env()
    settings = FollowSettings.load(app.config)
    expected = {name: value for name, (_, value) in FROM_THE_ENVIRONMENT.items()}
    assert dataclasses.asdict(settings) == expected


@pytest.mark.parametrize("name", ["FOLLOW_INTERVAL", "FOLLOW_LEASE", "FOLLOW_MAX_REMOVALS"])
def test_a_wrong_setting_is_named(name: str) -> None:
    """None of these may be nothing."""
    with pytest.raises(ConfigurationError, match=f"{PREFIX}{name} must be"):
        FollowSettings.load({PREFIX + name: 0})


@pytest.mark.parametrize("text", ["1.01", "-0.1", "nan", "10%", "", True])
def test_the_share_of_removals_is_one_of_a_whole(text: object) -> None:
    """10 per cent are 0.1; nobody turns the limit off by accident."""
    with pytest.raises(ConfigurationError, match="FOLLOW_MAX_REMOVALS must be a share between"):
        FollowSettings.load({f"{PREFIX}FOLLOW_MAX_REMOVALS": text})
