"""The keys of what operators see: audit records, metrics and health."""

from __future__ import annotations

from dataclasses import dataclass

from .fields import SettingsGroup, boolean, names, seconds, setting


@dataclass(frozen=True, kw_only=True)
class ObserveSettings(SettingsGroup):
    """The settings of what operators see; each field's metadata say what it means."""

    audit: bool = setting(
        True,
        "a record of each answer and refusal on the logger `flask_gluu_changes.audit`",
        boolean,
    )
    ready_lag: float = setting(
        600.0,
        "age of the journal's last confirmation above which the operation is not ready, in s",
        seconds(1, 604_800),
    )
    metrics: bool = setting(
        False,
        "metrics for Prometheus below the operation's path, at `/metrics`; needs the extra"
        " `metrics`",
        boolean,
    )
    metrics_scope: tuple[str, ...] = setting(
        (), "scopes that a token must all have to read them; empty: those of the operation", names
    )
