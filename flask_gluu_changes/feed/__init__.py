"""The timeStamp form of the operation: pages of who was added or changed since a time."""

from .feed import Feed as Feed
from .page_request import Traits as Traits
from .snapshot import Page as Page

__all__ = ["Feed", "Page", "Traits"]
