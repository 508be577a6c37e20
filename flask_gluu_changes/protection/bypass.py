"""No protection at all: only with two explicit settings, and never silently."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ..configuration import PREFIX
from ..errors import ConfigurationError
from .settings import ProtectionSettings

log = logging.getLogger(__name__)


def require_consent(settings: ProtectionSettings, config: Mapping[str, Any]) -> None:
    """Refuse `bypass` without its second flag, unless the app is in debug or testing mode."""
    if config.get("DEBUG") or config.get("TESTING"):
        return
    if not settings.allow_bypass:
        raise ConfigurationError(
            f"{PREFIX}PROTECTION is bypass, which lets everybody read every person; if that is"
            f" meant, set {PREFIX}ALLOW_BYPASS to true as well"
        )
    log.warning("%sPROTECTION is bypass: everybody can read every person", PREFIX)
