"""Every key of `flask gluu-changes follow`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .configuration import load, seconds, setting


@dataclass(frozen=True, kw_only=True)
class FollowSettings:
    """What the journal's ingester needs to know besides the backend."""

    follow_interval: float = setting(
        10.0,
        "between two looks at a store that is followed by time stamps, in s",
        seconds(0.01, 3600),
    )
    follow_lag: float = setting(
        60.0,
        "how late a write becomes visible there, or how wrong a clock is, in s",
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

    @classmethod
    def load(cls, config: Mapping[str, Any]) -> FollowSettings:
        """Read them from an application's config; a ConfigurationError names the wrong key."""
        return load(cls, config)
