"""One run: read to the end, look at the removals, and only then apply."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Protocol, TypeVar

from .applying import Applier
from .brake import Brake
from .errors import Braked
from .outcome import Outcome
from .sink import Sink
from .source import Source
from .spool import Spool
from .state import State

BATCH = 1000
"""Changes that are handed on together."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class Watcher(Protocol):
    """Whoever shows how far a run is."""

    def read(self, number: int) -> None:
        """Note that so many more changes were read."""

    def applying(self, total: int) -> None:
        """Note that so many changes are going to be applied."""

    def applied(self, number: int) -> None:
        """Note that so many more changes were applied."""


class Nobody:
    """Shows nothing."""

    def read(self, number: int) -> None:
        """Show nothing."""

    def applying(self, total: int) -> None:
        """Show nothing."""

    def applied(self, number: int) -> None:
        """Show nothing."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How a run decides.

    Attributes:
        brake: How many removals are too many.
        strict: Whether a record that is refused ends the run.
        retry: Whether those that were set aside are offered again.
    """

    brake: Brake = field(default_factory=Brake)
    strict: bool = False
    retry: bool = False


class Job:
    """Brings targets up to date with a source, run by run.

    selection: the URL and the attributes, as a text: of others a position says nothing, and
    everybody is read anew.
    """

    def __init__(
        self,
        source: Source,
        state: State,
        sinks: Sequence[Sink],
        rules: Rules,
        selection: str = "",
    ) -> None:
        self._source = source
        self._state = state
        self._sinks = sinks
        self._rules = rules
        self._selection = selection

    def run(
        self,
        outcome: Outcome,
        *,
        full: bool = False,
        wait: int = 0,
        watcher: Watcher | None = None,
    ) -> None:
        """Read what came since the last run, and apply it.

        Args:
            outcome: Where the numbers are put, also those of a run that fails.
            full: Whether everybody is read again.
            wait: The seconds that the server may wait for a change before it answers.
            watcher: Who is told how far it is.

        Raises:
            Braked: Too many people would be removed; nothing was applied.
            SyncError: A target failed; what was applied before stays so and is told again.
            ChangesError: The source failed; nothing was applied.
        """
        watcher = watcher or Nobody()
        outcome.level, outcome.since = self._source.level, self._state.time("succeeded_at")
        outcome.until = datetime.now(UTC)
        with closing(Spool()) as spool:
            self._read(spool, full, wait, watcher)
            outcome.full, outcome.told = spool.full, spool.number
            missing = self._missing(spool)
            self._brake(spool, missing, outcome)
            self._apply(spool, missing, outcome, watcher)
            self._finish(spool, outcome)
        outcome.known = self._state.count()

    def _read(self, spool: Spool, full: bool, wait: int, watcher: Watcher) -> None:
        position = self._state.position(self._selection)
        if not position and self._state.facts().get("position"):
            log.warning("Everybody is read anew: the state is of another URL or other attributes")
        for batch in self._source.read(position, full=full or not position, wait=wait):
            spool.add(batch)
            watcher.read(len(batch.changes))

    def _missing(self, spool: Spool) -> dict[str, str]:
        """Return who is known and was not in a reading of everybody; inums by id."""
        if not (spool.full and spool.complete):
            return {}
        gone = (known for known in self._state.everybody() if not spool.has(known.id))
        return {known.id: known.inum for known in gone if known.id not in spool.removed}

    def _brake(self, spool: Spool, missing: dict[str, str], outcome: Outcome) -> None:
        """Raise Braked where too many would go; whoever only has another id now does not go."""
        known = {known.id: known.inum for known in self._state.present([*spool.removed])}
        everybody_gone = {**known, **missing}
        lost = {id_: inum for id_, inum in everybody_gone.items() if not spool.has_inum(inum)}
        emptied = spool.full and not spool.people
        total = self._state.count()
        if not self._rules.brake.holds(len(lost), total, emptied=emptied):
            return
        outcome.held = len(lost)
        with self._state.database.transaction() as connection:
            self._state.hold(connection, lost)
            self._state.note(connection, held_at=_now())
        raise Braked(
            f"{len(lost)} of {total} people would be removed, and --max-removals is"
            f" {self._rules.brake}: nothing was applied; see who it is with `gluu-changes status`,"
            f" then mend the source, or let them go with --allow-removals {len(lost)}"
        )

    def _apply(
        self, spool: Spool, missing: dict[str, str], outcome: Outcome, watcher: Watcher
    ) -> None:
        total = spool.number + len(missing)
        applier = Applier(self._state, self._sinks, outcome, total=total, strict=self._rules.strict)
        watcher.applying(total)
        for ids in _batches(missing):
            applier.remove_missing(ids)
            watcher.applied(len(ids))
        for batch in _batches(spool):
            applier.apply(batch, full=spool.full)
            watcher.applied(len(batch))
        if self._rules.retry:
            applier.retry()

    def _finish(self, spool: Spool, outcome: Outcome) -> None:
        """Move the position, behind all that was applied."""
        now = _now()
        with self._state.database.transaction() as connection:
            if spool.position:
                self._state.move(connection, spool.position, self._selection)
            if spool.full and spool.complete:
                self._state.forget_removed(connection)
                self._state.note(connection, full_at=now)
            self._state.hold(connection, {})
            self._state.note(connection, succeeded_at=now, level=self._source.level)


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield items by as many as one transaction applies."""
    rest = iter(items)
    while batch := [*islice(rest, BATCH)]:
        yield batch


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
