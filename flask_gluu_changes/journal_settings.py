"""Every key of the journal's serving side: where it is, its tokens, and who may wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .configuration import PREFIX, load, seconds, setting, text, whole
from .errors import ConfigurationError

MICROS_OF_DAY = 86_400 * 1_000_000


@dataclass(frozen=True, kw_only=True, repr=False)
class JournalSettings:
    """What a journal needs to be served. Its repr is bare, because it holds a secret."""

    journal_url: str = setting("", "the journal's database, as SQLAlchemy writes it", text)
    token_secret: str = setting(
        "", "what tokens are signed with, the same on every node; empty: `SECRET_KEY`", text
    )
    retention_days: int = setting(
        30, "how long a token lives and removals are remembered, in days", whole(1, 3650)
    )
    max_waiters: int = setting(
        16, "requests that may wait for a change in one process; above it 503", whole(0, 10_000)
    )
    max_wait_seconds: float = setting(
        30.0, "longest wait for a change that `Prefer: wait` gets, in s", seconds(0, 600)
    )

    @classmethod
    def load(cls, config: Mapping[str, Any]) -> JournalSettings:
        """Read them from an application's config; a ConfigurationError names the wrong key."""
        settings = load(cls, config)
        return replace(settings, token_secret=settings.token_secret or _secret_key(config))

    @property
    def retention(self) -> int:
        """The life of a token in microseconds."""
        return self.retention_days * MICROS_OF_DAY

    def check(self) -> None:
        """Refuse to sign tokens with nothing: anybody could write them."""
        if not self.token_secret:
            raise ConfigurationError(
                f"{PREFIX}TOKEN_SECRET is missing; set it, or SECRET_KEY, to a long random text"
            )


def _secret_key(config: Mapping[str, Any]) -> str:
    """Give the application's own secret, which may be octets."""
    key = config.get("SECRET_KEY") or ""
    return key.hex() if isinstance(key, bytes) else str(key)
