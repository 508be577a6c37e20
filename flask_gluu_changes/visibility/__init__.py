"""Which attributes clients may see: not those that are secrets, and what the settings say."""

from .rule import NEVER_SHOWN as NEVER_SHOWN
from .rule import AttributeInfo as AttributeInfo
from .rule import Visibility as Visibility
