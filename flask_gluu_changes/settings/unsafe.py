"""What is dangerous in production: refused, or said in the log at every start."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigurationError
from .base import Settings
from .fields import PREFIX, boolean
from .journal import JournalSettings
from .protection import ProtectionSettings

log = logging.getLogger(__name__)

LEAST_SECRET = 16
"""Characters of a secret that signs tokens."""


def is_in_development(config: Mapping[str, Any]) -> bool:
    """Return whether Flask's DEBUG or TESTING is on; as text, `false` does not turn them on."""
    return any(_is_on(config.get(key)) for key in ("DEBUG", "TESTING"))


def _is_on(value: object) -> bool:
    try:
        return boolean(value)
    except ValueError:
        return False


def warn_of_shown_secrets(settings: Settings) -> None:
    """Log what clients see only because a setting says so."""
    if settings.shown_secrets:
        names = ", ".join(settings.shown_secrets)
        log.warning("%sSHOWN_SECRETS lets clients see secrets: %s", PREFIX, names)


def check_token_secret(settings: JournalSettings, config: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for secrets that can be guessed; in development, log a warning."""
    settings.check()
    if min(map(len, settings.token_secret)) >= LEAST_SECRET:
        return
    sentence = (
        f"a secret that signs or verifies tokens has fewer than {LEAST_SECRET} characters, so that"
        f" it can be guessed; set {PREFIX}TOKEN_SECRET, or SECRET_KEY, to a long random text"
    )
    if not is_in_development(config):
        raise ConfigurationError(sentence)
    log.warning("%s", sentence)


def check_protection(settings: ProtectionSettings, config: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for `bypass` without its second flag; log other open doors.

    In debug and testing mode `bypass` needs no flag.
    """
    consented = settings.allow_bypass or is_in_development(config)
    if settings.protection == "bypass" and not consented:
        raise ConfigurationError(
            f"{PREFIX}PROTECTION is bypass, which lets everybody read every person; if that is"
            f" meant, set {PREFIX}ALLOW_BYPASS to true as well"
        )
    if settings.protection == "bypass":
        log.warning("%sPROTECTION is bypass: everybody can read every person", PREFIX)
    elif settings.protection == "test":
        log.warning(
            "%sPROTECTION is test: every client of the authorization server can read every person",
            PREFIX,
        )
    elif settings.protection == "oauth" and not settings.audience:
        log.warning(
            "%sAUDIENCE is not set: tokens that were issued for other APIs count here, too", PREFIX
        )
