"""Every `GLUU_CHANGES_SQL_*` key; apart from the backend, so that reading them needs no driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .configuration import PREFIX, load, replace_unset, seconds, setting, text
from .errors import ConfigurationError
from .settings import Settings, of_profile


@dataclass(frozen=True, kw_only=True)
class SqlSettings:
    """What the relational backend needs to know."""

    sql_url: str = setting("", "an SQLAlchemy URL: postgresql://, mysql://, sqlite:///…", text)
    sql_table: str | None = setting(None, "table of people, by profile", text)
    sql_attributes_table: str | None = setting(
        None, "table of attribute types, by profile; empty: none", text
    )
    sql_connect_timeout: float = setting(
        3.0, "longest wait for a connection to the database, in s", seconds(1, 600)
    )
    sql_operation_timeout: float = setting(
        30.0, "longest wait for a lock, and for the next part of an answer, in s", seconds(1, 3600)
    )

    @classmethod
    def load(cls, config: Mapping[str, Any]) -> SqlSettings:
        """Read them from an application's config; a ConfigurationError names the wrong key."""
        profile = load(Settings, config).profile
        settings = replace_unset(load(cls, config), of_profile(profile, cls))
        if not settings.sql_url:
            raise ConfigurationError(
                f"{PREFIX}SQL_URL is missing; set it to postgresql://user:password@host/database"
            )
        return settings
