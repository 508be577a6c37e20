"""The protection policy of Gluu's SCIM API: UMA, OAuth, test and bypass."""

from ..settings.protection import ProtectionSettings as ProtectionSettings
from .guard import Guard as Guard
from .guard import Refusal as Refusal
from .protector import Protector as Protector

__all__ = ["Guard", "ProtectionSettings", "Protector", "Refusal"]
