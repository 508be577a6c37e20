"""Hands changes to the targets and notes them in the index, in one transaction each batch."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from ..client import Change
from .errors import RecordRefused, TargetRefuses
from .outcome import Outcome
from .records import REMOVED
from .sink import Sink
from .spool import Spooled
from .state import Known, State

log = logging.getLogger(__name__)

MISSING = "missing"
"""The reason of those who were not in a reading of everybody."""

FEW_REFUSED = 10
REFUSED_SHARE = 0.1
"""Refusals beyond both, of all changes of a run, are no matter of single records."""


class Applier:
    """Applies one run. total: how many changes it has. strict: a refused record ends it."""

    def __init__(
        self, state: State, sinks: Sequence[Sink], outcome: Outcome, *, total: int, strict: bool
    ) -> None:
        self._state = state
        self._sinks = sinks
        self._outcome = outcome
        self._strict = strict
        self._most_refused = 0 if strict else max(FEW_REFUSED, int(total * REFUSED_SHARE))
        with state.database.transaction() as connection:
            self._aside = state.aside_digests(connection)

    def apply(self, batch: Iterable[Spooled], *, full: bool) -> None:
        """Apply what is not known yet; in a reading of everybody, whatever versions say."""
        latest = _latest(batch)
        with self._state.database.transaction() as connection:
            known = self._state.known(connection, latest)
            due = [s for s in latest.values() if self._is_due(s, known.get(s.change.id), full)]
            self._outcome.skipped += len(latest) - len(due)
            self._hand_on(connection, due, known)
            self._state.write(connection, [*_seen(latest.values(), due, known)])

    def remove_missing(self, ids: Sequence[str]) -> None:
        """Remove those who were not in a reading of everybody."""
        with self._state.database.transaction() as connection:
            known = self._state.known(connection, ids)
            gone = [Change(k.id, k.version, REMOVED, k.inum, {}, MISSING) for k in known.values()]
            self._hand_on(connection, [Spooled(change, b"") for change in gone], known)

    def retry(self) -> None:
        """Offer the records once more that were set aside before this run."""
        again = {aside.spooled.change.id: aside.spooled for aside in self._state.aside()}
        due = [s for id_, s in again.items() if self._aside.get(id_) == s.digest]
        with self._state.database.transaction() as connection:
            self._hand_on(connection, due, self._state.known(connection, again))

    def _is_due(self, spooled: Spooled, known: Known | None, full: bool) -> bool:
        change = spooled.change
        if known and not full and change.version < known.version:
            return False
        if change.kind == REMOVED:
            return bool(known and known.digest) or change.id in self._aside
        return spooled.digest not in ((known.digest if known else b""), self._aside.get(change.id))

    def _hand_on(
        self, connection: Connection, due: list[Spooled], known: Mapping[str, Known]
    ) -> None:
        if not due:
            return
        named = [_named(spooled, known.get(spooled.change.id)) for spooled in due]
        taken = self._offer(connection, named)
        self._state.write(connection, [*map(_known, taken)])
        settled = [s.change.id for s in taken if self._aside.pop(s.change.id, None) is not None]
        if settled:
            self._state.take_back(connection, settled)
        self._count(taken, known)

    def _offer(self, connection: Connection, due: list[Spooled]) -> list[Spooled]:
        """Return those that all targets took; who is refused is searched for by halves."""
        try:
            with connection.begin_nested():
                for sink in self._sinks:
                    sink.apply([spooled.change for spooled in due])
        except RecordRefused as error:
            if len(due) == 1:
                self._set_aside(connection, due[0], str(error))
                return []
            middle = len(due) // 2
            return [*self._offer(connection, due[:middle]), *self._offer(connection, due[middle:])]
        return due

    def _set_aside(self, connection: Connection, spooled: Spooled, reason: str) -> None:
        change = spooled.change
        if self._strict:
            raise TargetRefuses(f"the record of {change.id} is refused: {reason}")
        self._outcome.set_aside += 1
        if self._outcome.set_aside > self._most_refused:
            raise TargetRefuses(
                f"more than {self._most_refused} records are refused, the last one because"
                f" {reason}: look at the target, and not at the records"
            )
        log.warning("the record of %s is set aside: %s", change.id, reason)
        self._state.set_aside(connection, change, reason)

    def _count(self, taken: Iterable[Spooled], known: Mapping[str, Known]) -> None:
        for spooled in taken:
            kind = spooled.change.kind
            if kind == REMOVED:
                before = known.get(spooled.change.id)
                self._outcome.removed += bool(before and before.digest)
            elif kind == "created":
                self._outcome.created += 1
            else:
                self._outcome.updated += 1


def _latest(batch: Iterable[Spooled]) -> dict[str, Spooled]:
    """Return the last change of each identity, in the order of the changes."""
    latest: dict[str, Spooled] = {}
    for spooled in batch:
        latest.pop(spooled.change.id, None)
        latest[spooled.change.id] = spooled
    return latest


def _named(spooled: Spooled, known: Known | None) -> Spooled:
    """Return a change with the kind that it has for the targets."""
    change = spooled.change
    if change.kind == REMOVED:
        kind, inum = REMOVED, change.inum or (known.inum if known else "")
    else:
        kind, inum = "updated" if known and known.digest else "created", change.inum
    if (kind, inum) == (change.kind, change.inum):
        return spooled
    return spooled._replace(change=replace(change, kind=kind, inum=inum))


def _known(spooled: Spooled) -> Known:
    change = spooled.change
    return Known(change.id, change.version, spooled.digest, change.inum)


def _seen(
    batch: Iterable[Spooled], due: Sequence[Spooled], known: Mapping[str, Known]
) -> Iterable[Known]:
    """Yield higher versions of what is known already, so that nothing older is ever applied."""
    handed_on = {spooled.change.id for spooled in due}
    for spooled in batch:
        change, before = spooled.change, known.get(spooled.change.id)
        if change.id in handed_on or (before and change.version <= before.version):
            continue
        if before and before.digest == spooled.digest:
            yield replace(before, version=change.version)
        elif change.kind == REMOVED:
            yield _known(spooled)
