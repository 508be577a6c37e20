"""People in memory: a store that can only be asked who changed since a time."""

from __future__ import annotations

from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.testing import Attributes

from .markers import DENIED


class MemoryPeople:
    """People in a dict by inum."""

    def __init__(self) -> None:
        self.backend = MemoryBackend()
        self._people: dict[str, Attributes] = {}

    def add(self, inum: str, attributes: Attributes) -> None:
        """Add a person."""
        self._people[inum] = {
            "inum": [inum.encode()],
            "userPKCS12": [DENIED.encode()],
            **attributes,
        }
        self.backend.entries = list(self._people.values())

    def change(self, inum: str, attributes: Attributes) -> None:
        """Replace attributes of a person; no value left means that there is no attribute."""
        changed = {**self._people[inum], **attributes}
        self.add(inum, {name: values for name, values in changed.items() if values})

    def remove(self, inum: str) -> None:
        """Delete a person."""
        del self._people[inum]
        self.backend.entries = list(self._people.values())
