"""What the doctor says of a journal, of the process that fills it, and of what stands behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..backend import Backend
from ..errors import BackendError, BackendUnavailable
from ..follower import NotFollowable
from ..model import ChangesQuery, Finding
from ..settings.base import differing_keys
from ..settings.journal import FollowSettings
from ..timestamps import from_micros, to_instant
from .damage import REMEDY, JournalDamaged
from .lease import SECOND
from .tables import NOT_FOLLOWED, JournalState, now
from .view import settings_digest_in

FOLLOW = "run `flask gluu-changes follow`, and keep it running (systemd: Restart=always)"

DOCTOR = "mend what the lines below say of the store; `flask gluu-changes follow` then catches up"

LATE = 60.0
"""Seconds after which a source that was not confirmed is worth a look."""

EXACT, LAGGING = "exact", "lagging"


@dataclass(frozen=True)
class JournalExamination:
    """A journal's state, and what it is compared with.

    quarantined: how many entries could not be written. held: how many removals are held back.
    following: when polls should confirm.
    settings_digest: of the application; empty where it is not known.
    """

    state: JournalState
    quarantined: int
    held: int
    following: FollowSettings
    settings_digest: str

    def findings(self) -> Iterator[Finding]:
        """Yield what there is to say of the journal by itself."""
        yield from self._follower()
        yield from self._settings()
        if self.state.built:
            yield self._confirmed()
        elif self.state.source:
            yield Finding.fault(
                "not everybody has been read yet, so clients get 503",
                "wait until the log of `flask gluu-changes follow` says `the first reading has"
                " ended`",
            )
        yield from self._level()
        yield from self._left_out()

    def _follower(self) -> Iterator[Finding]:
        if not self.state.source:
            yield Finding.fault("nothing has been followed into the journal yet", FOLLOW)
        elif self.state.held_until >= now():
            yield Finding.ok("a process fills the journal")
        else:
            since = f" since {_instant(self.state.held_until)}" if self.state.held_until else ""
            yield Finding.fault(f"no process fills the journal{since}", FOLLOW)

    def _settings(self) -> Iterator[Finding]:
        filled, ours = settings_digest_in(self.state.source), self.settings_digest
        if filled and ours and filled != ours:
            keys = ", ".join(differing_keys(filled, ours)) or "those of another version"
            yield Finding.fault(
                f"the journal was filled under other settings, so clients get 503: {keys}",
                "give this application and `flask gluu-changes follow` the same ones, and restart"
                " both",
            )

    def _confirmed(self) -> Finding:
        at, late = self.state.confirmed_at, self._late()
        if not at:
            return Finding.fault(
                "the journal was never known to hold all that the store does", DOCTOR
            )
        if now() - at <= late * SECOND:
            return Finding.ok(f"the journal holds what the store held at {_instant(at)}")
        return Finding.fault(
            f"for {(now() - at) // SECOND} s the journal was not known to hold what the store does,"
            f" since {_instant(at)}",
            DOCTOR,
        )

    def _late(self) -> float:
        """Return how old the last confirmation may be, in seconds."""
        polled = self.state.level == LAGGING
        return LATE + (2 * self.following.follow_interval if polled else 0.0)

    def _level(self) -> Iterator[Finding]:
        if self.state.level == EXACT:
            yield Finding.ok(f"every change is told ({self.state.why})")
        elif self.state.level == LAGGING:
            yield Finding.warning(
                f"the level is lagging, so deletions and edits without a time come late:"
                f" {self.state.why}",
                "mend that where the store is a directory, and restart `flask gluu-changes follow`;"
                " else set GLUU_CHANGES_FOLLOW_INTERVAL and GLUU_CHANGES_FOLLOW_SWEEP to the delays"
                " that clients bear",
            )

    def _left_out(self) -> Iterator[Finding]:
        if self.held:
            yield Finding.fault(
                f"people who are gone from the source, and whose removal is held back: {self.held}",
                "mend the source; or, if they are meant to go, run `flask gluu-changes"
                " confirm-removals`",
            )
        if self.quarantined:
            yield Finding.warning(
                f"entries that could not be written to the journal: {self.quarantined}",
                "run `flask gluu-changes verify`, which names them; change these entries, or raise"
                " the limit that the log of `follow` names, and run it with --repair",
            )


def unreadable(error: BackendUnavailable) -> Finding:
    """Say why there is no journal, or why it cannot be read."""
    if str(error) == NOT_FOLLOWED:
        return Finding.fault("nothing has been followed into the journal yet", FOLLOW)
    if isinstance(error, JournalDamaged):
        return Finding.fault(error.what, REMEDY)
    return Finding.fault(
        str(error),
        "start the journal's database, correct GLUU_CHANGES_JOURNAL_URL, or give its account the"
        " rights that it lacks",
    )


def examine_source(source: Backend | None, query: ChangesQuery, level: str) -> Iterator[Finding]:
    """Examine the store that a journal is filled from, and whether it can be followed as it was."""
    if source is None:
        yield Finding.warning(
            "this application does not know the store that the journal is filled from, so nothing"
            " is said of it",
            "pass it: JournalBackend.from_config(app.config, source=…), or run this where `flask"
            " gluu-changes follow` runs",
        )
        return
    yield from source.examine(query)
    if level in {EXACT, LAGGING}:
        yield from _changed_level(source, query, level)


def _changed_level(source: Backend, query: ChangesQuery, level: str) -> Iterator[Finding]:
    """Say where the store can be followed in another way now than it is."""
    try:
        possible = source.follower(query).level
    except NotFollowable as error:
        if level == EXACT:
            yield Finding.fault(
                f"the store was followed exactly, and cannot be any more: {error}",
                "mend that before `flask gluu-changes follow` is restarted: it would begin anew,"
                " and void every token",
            )
        return
    except BackendError:
        return  # which the store's own examination tells
    if possible != level:
        yield Finding.warning(
            f"the store can be followed at the level {possible} by now",
            "restart `flask gluu-changes follow`; every token becomes void by that",
        )


def _instant(micros: int) -> str:
    return to_instant(from_micros(micros).replace(microsecond=0))
