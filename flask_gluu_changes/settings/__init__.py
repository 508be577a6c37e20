"""Every `GLUU_CHANGES_*` key, as a field of the settings class that it belongs to."""

from .backends import LdapSettings as LdapSettings
from .backends import SqlSettings as SqlSettings
from .base import Settings as Settings
from .journal import FollowSettings as FollowSettings
from .journal import JournalSettings as JournalSettings
from .observe import ObserveSettings as ObserveSettings
from .protection import ProtectionSettings as ProtectionSettings

__all__ = [
    "FollowSettings",
    "JournalSettings",
    "LdapSettings",
    "ObserveSettings",
    "ProtectionSettings",
    "Settings",
    "SqlSettings",
]
