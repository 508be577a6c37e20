"""What the doctor says of a journal and of the process that fills it."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Finding
from ..timestamps import from_micros, to_instant
from .lease import SECOND
from .tables import JournalState, now

FOLLOW = "run `flask gluu-changes follow`, and keep it running"

LATE = 600 * SECOND
"""After which a source that was not confirmed is worth a look."""


def examine(state: JournalState, quarantined: int, held: int) -> Iterator[Finding]:
    """Yield findings about a journal's state."""
    if state.held_until < now():
        yield Finding.fault("no process fills the journal", FOLLOW)
    if not state.built:
        yield Finding.fault(
            "not everybody has been read yet, so clients get 503",
            "wait for `flask gluu-changes follow`, whose log says when it is done",
        )
    else:
        yield _confirmed(state)
    yield _level(state)
    if held:
        yield Finding.fault(
            f"people who are gone from the source, and whose removal is held back: {held}",
            "see why they are gone; if they are meant to be, run `flask gluu-changes"
            " confirm-removals`",
        )
    if quarantined:
        yield Finding.warning(
            f"entries that could not be written to the journal: {quarantined}",
            "look for `cannot be written` in the log of `follow`, and change these entries",
        )


def _confirmed(state: JournalState) -> Finding:
    at = to_instant(from_micros(state.confirmed_at).replace(microsecond=0))
    if now() - state.confirmed_at <= LATE:
        return Finding.ok(f"the journal holds what the store held at {at}")
    return Finding.fault(
        f"the journal was last known to hold what the store holds at {at}",
        "look into the log of `flask gluu-changes follow`",
    )


def _level(state: JournalState) -> Finding:
    if state.level == "exact":
        return Finding.ok(f"every change is told ({state.why})")
    return Finding.warning(
        f"the level is {state.level}: {state.why}",
        "see `Levels of following` in the manual for what that means and how it is mended",
    )
