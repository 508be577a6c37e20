"""The keys of the journal: its database, its tokens, waiting for changes, and its ingest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import ConfigurationError
from .fields import PREFIX, SettingsGroup, integer, seconds, secret, secrets, setting, share, text

MICROS_OF_DAY = 86_400 * 1_000_000


@dataclass(frozen=True, kw_only=True)
class JournalSettings(SettingsGroup):
    """The settings of a journal that is served; each field's metadata say what it means."""

    journal_url: str = secret("", "the journal's database, as SQLAlchemy writes it", text)
    journal_read_url: str = secret(
        "",
        "a replica of that database, from which web nodes read what it can answer; empty: they read"
        " where `follow` writes",
        text,
    )
    journal_connect_timeout: float = setting(
        3.0, "longest wait for a connection to the journal's database, in s", seconds(1, 600)
    )
    journal_operation_timeout: float = setting(
        30.0,
        "longest wait for the next part of an answer of the journal's database, in s",
        seconds(1, 3600),
    )
    token_secret: tuple[str, ...] = secret(
        (),
        "what tokens are signed with, the same on every node; of a list, or of several lines, the"
        " first signs and all verify; empty: `SECRET_KEY`, then `SECRET_KEY_FALLBACKS`",
        secrets,
    )
    retention_days: int = setting(
        30, "how long a token lives and removals are remembered, in days", integer(1, 3650)
    )
    max_waiters: int = setting(
        16,
        "requests that may wait for a change in one process, and never more than half of its"
        " threads; above it 503",
        integer(0, 10_000),
    )
    max_wait_seconds: float = setting(
        30.0, "longest wait for a change that `Prefer: wait` gets, in s", seconds(0, 600)
    )

    @classmethod
    def load(cls, config: Mapping[str, Any]) -> JournalSettings:
        """Return the settings that an application's config holds.

        Args:
            config: The application's config, with `GLUU_CHANGES_*` keys, `SECRET_KEY` and
                `SECRET_KEY_FALLBACKS`.

        Raises:
            ConfigurationError: A value cannot be used; the text names its key.
        """
        settings = super().load(config)
        return replace(settings, token_secret=settings.token_secret or _secret_keys(config))

    @property
    def retention(self) -> int:
        """The lifetime of a token, in microseconds."""
        return self.retention_days * MICROS_OF_DAY

    def check(self) -> None:
        """Raise ConfigurationError without a secret: anybody could sign tokens."""
        if not self.token_secret:
            raise ConfigurationError(
                f"{PREFIX}TOKEN_SECRET is missing; set it, or SECRET_KEY, to a long random text"
            )


def _secret_keys(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the application's own secrets, the newest first; each may be octets."""
    keys = (config.get("SECRET_KEY"), *(config.get("SECRET_KEY_FALLBACKS") or ()))
    return tuple(key.hex() if isinstance(key, bytes) else str(key) for key in keys if key)


@dataclass(frozen=True, kw_only=True)
class FollowSettings(SettingsGroup):
    """The settings of `follow`; each field's metadata say what it means."""

    follow_interval: float = setting(
        10.0,
        "between two looks at a store that is followed by time stamps, in s",
        seconds(0.01, 3600),
    )
    follow_lag: float = setting(
        60.0,
        "how late a write becomes visible there, or how wrong a clock is, in s; no page has a"
        " later `latestUpdateAt`",
        seconds(0, 86_400),
    )
    follow_sweep: float = setting(
        3600.0,
        "between two readings of everybody there, to notice deletions, in s",
        seconds(0.01, 604_800),
    )
    follow_lease: float = setting(
        15.0, "after which another `follow` takes over from one that died, in s", seconds(0.1, 3600)
    )
    follow_max_removals: float = setting(
        0.1,
        "largest share of all people that `follow` removes within ten minutes, 10 people in any"
        " case; beyond it removals are held back until they are confirmed; 1: never",
        share,
    )
    max_value_octets: int = setting(
        8 * 2**20,
        "largest value that the journal takes, in octets; larger ones are left out and named",
        integer(1, 10**9),
    )
    max_entry_octets: int = setting(
        12 * 2**20,
        "largest entry that the journal takes, in octets of JSON; the largest attributes beyond it"
        " are left out and named",
        integer(1000, 10**9),
    )
