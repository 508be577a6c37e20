"""The protection policy of Gluu's SCIM API: UMA, OAuth, test and bypass."""

from .guard import Guard as Guard
from .guard import Refusal as Refusal
from .protector import Protector as Protector
from .settings import ProtectionSettings as ProtectionSettings

__all__ = ["Guard", "ProtectionSettings", "Protector", "Refusal"]
