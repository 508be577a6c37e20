"""The keys of what operators see: audit records, metrics and health."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ConfigurationError
from .fields import PREFIX, SettingsGroup, boolean, names, seconds, setting, text


@dataclass(frozen=True, kw_only=True)
class ObserveSettings(SettingsGroup):
    """The settings of what operators see; each field's metadata say what it means."""

    audit: bool = setting(
        True,
        "a record of each answer and refusal on the logger `flask_gluu_changes.audit`",
        boolean,
    )
    audit_log: str = setting(
        "",
        "file that audit records are appended to, and not given to the logger; a process that is"
        " killed loses those of its last tenth of a second",
        text,
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

    def _check_loaded(self) -> None:
        """Raise ConfigurationError where nothing would come into the file."""
        if self.audit_log and not self.audit:
            raise ConfigurationError(
                f"{PREFIX}AUDIT_LOG names a file for records that {PREFIX}AUDIT switches off;"
                " remove one of them"
            )
