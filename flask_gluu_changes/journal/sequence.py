"""What the web side may ask of a backend that keeps a sequence; needs no database to import."""

from __future__ import annotations

from abc import abstractmethod

from ..backend import Backend
from .places import Part, Place, Status


class SequenceBackend(Backend):
    """A backend that knows the order of changes, so that clients follow it by tokens.

    Its methods raise BackendUnavailable while it cannot answer, and Gone for a place that it
    cannot go on from. source: whom `flask gluu-changes follow` fills it from, if it is filled so.
    """

    source: Backend | None = None

    @abstractmethod
    def part(self, place: Place | None, size: int) -> Part:
        """Read at most `size` rows from a place; None begins a full run."""

    @abstractmethod
    def latest(self) -> Place:
        """Give the place behind everything there is."""

    @abstractmethod
    def status(self) -> Status:
        """Tell how the journal is, built or not."""

    @abstractmethod
    def wait(self, place: Place, seconds: float, *, most: int) -> bool:
        """Return True when something came after a place, False after so many seconds without.

        The end of the waits counts as something. most: so many may wait in this process; beyond it
        BackendUnavailable is raised.
        """
