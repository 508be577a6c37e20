"""What a run did, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class Outcome:
    """The numbers of a run.

    Attributes:
        level: What the source promises, in one word; `exact` or `timestamps`.
        full: Whether everybody was read.
        dry_run: Whether nothing was applied, and the numbers say what would have been.
        told: How many changes the source told.
        created: How many people are new.
        updated: How many were there, and changed.
        removed: How many were removed, or are missing from a reading of everybody.
        skipped: How many changes were known already.
        set_aside: How many records a target refused in this run.
        held: How many removals the brake held back.
        known: How many people there are after the run.
        since: The end of the last run that succeeded; None for the first.
        until: When this run asked the source.
    """

    level: str = ""
    full: bool = False
    dry_run: bool = False
    told: int = 0
    created: int = 0
    updated: int = 0
    removed: int = 0
    skipped: int = 0
    set_aside: int = 0
    held: int = 0
    known: int = 0
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_change(self) -> bool:
        """Return whether anybody was changed in a target, or would have been."""
        return bool(self.created or self.updated or self.removed or self.set_aside)
