"""Compares a journal with everybody in its source, while it may be filled from there.

Whoever changes between the two readings differs for a moment. So those who differ are looked at
again once the journal says that it knows of nothing newer: who then differs in the same way, while
neither side has moved, is a fault.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import chain
from time import monotonic, sleep
from typing import TypeVar

from ...errors import BackendUnavailable
from ...follower import Follower, Upserted
from ..reader import JournalReader
from ..records import IdentityEncoder
from ..tables import JournalState, now
from .comparison import Comparison, Fault, JournalRows, Kind, encoded
from .ingester import MAX_BATCH, MAX_BATCH_OCTETS

LOOKS = 5
"""At those who differ and do not come to rest."""

MOST_FAULTS = 100_000
"""Identities that are looked at again; it bounds the memory."""

HELD_PATIENCE = 5.0
"""Seconds for a confirmation while removals are held back."""

POLL = 0.1
"""Seconds between two looks at the journal's state."""

Item = TypeVar("Item")


@dataclass
class Report:
    """What a comparison found.

    people: how many were compared. faults: by id. unsettled: how many changed at each look.
    uncounted: how many more differed at the first look than are looked at again. confirmed: whether
    the journal said, after each look, that it knows of nothing newer. repaired: how many were made
    equal.
    """

    people: int = 0
    faults: dict[str, Fault] = field(default_factory=dict)
    unsettled: int = 0
    uncounted: int = 0
    confirmed: bool = True
    repaired: int = 0

    @property
    def is_exact(self) -> bool:
        """Whether the journal is what its source is, as far as that stands still."""
        return not self.faults and not self.uncounted

    @property
    def repairable(self) -> dict[str, Fault]:
        """The faults that can be repaired: removals that are held back wait for an operator."""
        return {id_: fault for id_, fault in self.faults.items() if fault.kind is not Kind.HELD}

    def names_by_kind(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """Return for each kind of fault the ids, with the names of what is not as it should be."""
        return {
            kind: {id_: fault.names for id_, fault in self.faults.items() if fault.kind is kind}
            for kind in Kind
        }


class Confirmation:
    """Waits until the journal has been told all that its source holds.

    patience: seconds that it waits in all; then it is given up.
    """

    def __init__(self, reader: JournalReader, patience: float) -> None:
        self._reader = reader
        self._patience = patience

    def state(self) -> JournalState:
        """Return the journal's state; raise BackendUnavailable while it is being built."""
        state = self._reader.state()[0]
        if not state.built:
            raise BackendUnavailable(
                "the journal is being built; run this again when the log of `flask gluu-changes"
                " follow` says that the first reading has ended"
            )
        return state

    def wait(self) -> bool:
        """Return True when that is so, or when nobody fills the journal; False after the patience.

        By two new confirmations, for the first one may be of a moment before this call; so no
        clocks are compared.
        """
        holds_back = self._reader.status().held > 0  # then nothing is confirmed
        patience = min(self._patience, HELD_PATIENCE) if holds_back else self._patience
        deadline, seen = monotonic() + patience, {self.state().confirmed_at}
        while monotonic() < deadline:
            state = self.state()
            seen.add(state.confirmed_at)
            if len(seen) > 2 or state.held_until < now():
                self._patience = max(0.0, deadline - monotonic())
                return True
            sleep(POLL)
        self._patience = 0.0
        return False


class Verifier:
    """Looks at the people of a follower's source, and at what the journal has of them."""

    def __init__(
        self,
        rows: JournalRows,
        follower: Follower,
        encoder: IdentityEncoder,
        confirmation: Confirmation,
    ) -> None:
        self._rows = rows
        self._follower = follower
        self._encoder = encoder
        self._confirmation = confirmation

    def verify(self) -> Report:
        """Compare everybody; raise BackendUnavailable while the journal is being built."""
        epoch, report = self._confirmation.state().epoch, Report()
        suspects: dict[str, Fault] = {}
        for id_, fault in self._everybody(report):
            if len(suspects) < MOST_FAULTS:
                suspects[id_] = replace(fault, found=None)
            elif id_ not in suspects:
                report.uncounted += 1
        self.settle(suspects, report)
        if self._confirmation.state().epoch != epoch:
            raise BackendUnavailable("the journal began a new epoch meanwhile; run this again")
        return report

    def settle(self, suspects: dict[str, Fault], report: Report) -> None:
        """Look again at those who differ, until they differ no more or are at rest."""
        for _ in range(LOOKS):
            if not suspects:
                return
            report.confirmed &= self._confirmation.wait()
            again = {i: replace(fault, found=None) for i, fault in self.look_at({*suspects})}
            report.faults |= {i: fault for i, fault in again.items() if suspects[i] == fault}
            suspects = {i: fault for i, fault in again.items() if i not in report.faults}
        report.unsettled += len(suspects)

    def look_at(self, ids: Collection[str]) -> Iterator[tuple[str, Fault]]:
        """Yield those of some identities that differ at the moment."""
        seen = set[str]()
        for batch in in_parts(self._follower.read(frozenset(ids)), _size):
            seen.update(event.id for event in batch)
            yield from self._faults(batch)
        yield from self._absent({*ids} - seen)

    def _everybody(self, report: Report) -> Iterator[tuple[str, Fault]]:
        seen = SeenIds()
        for batch in in_parts(self._follower.read(), _size):
            report.people += len(batch)
            seen.add(event.id for event in batch)
            yield from self._faults(batch)
        for ids in chain(self._rows.living(), [self._rows.notes().set_aside]):
            yield from self._absent(seen.missing(ids))
        comparison = self._comparison()
        for row in self._rows.removed():
            fault = None if row["id"] in seen else comparison.fault(row["id"], row, None)
            if fault is not None:
                yield row["id"], fault

    def _comparison(self) -> Comparison:
        return Comparison(self._confirmation.state().epoch, self._rows.notes())

    def _faults(self, batch: list[Upserted]) -> Iterator[tuple[str, Fault]]:
        rows, comparison = self._rows.by_id([event.id for event in batch]), self._comparison()
        for event in batch:
            found = encoded(self._encoder, event)
            fault = comparison.fault(event.id, rows.get(event.id), found)
            if fault is not None:
                yield event.id, fault

    def _absent(self, ids: Iterable[str]) -> Iterator[tuple[str, Fault]]:
        for part in in_parts(ids, len):
            rows, comparison = self._rows.by_id(part), self._comparison()
            for id_ in part:
                fault = comparison.fault(id_, rows.get(id_), None)
                if fault is not None:
                    yield id_, fault


def in_parts(items: Iterable[Item], size: Callable[[Item], int]) -> Iterator[list[Item]]:
    """Yield items in lists that fit into memory, by the octets that each has."""
    part, octets = list[Item](), 0
    for item in items:
        part.append(item)
        octets += size(item)
        if len(part) >= MAX_BATCH or octets >= MAX_BATCH_OCTETS:
            yield part
            part, octets = [], 0
    if part:
        yield part


class SeenIds:
    """The ids that were read, as digests of 8 octets: a million of them fit into 8 MB."""

    def __init__(self) -> None:
        self._digests = array("Q")
        self._sorted = True

    def add(self, ids: Iterable[str]) -> None:
        """Take in ids."""
        self._digests.extend(map(_digest, ids))
        self._sorted = False

    def missing(self, ids: Iterable[str]) -> list[str]:
        """Return those ids that were not read."""
        return [id_ for id_ in ids if id_ not in self]

    def __contains__(self, id_: object) -> bool:
        if not self._sorted:
            self._digests, self._sorted = array("Q", sorted(self._digests)), True
        digest = _digest(str(id_))
        at = bisect_left(self._digests, digest)
        return at < len(self._digests) and self._digests[at] == digest


def _digest(id_: str) -> int:
    octets = id_.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(octets, digest_size=8).digest(), "big")


def _size(event: Upserted) -> int:
    return sum(len(v) for vs in event.entry.values() for v in vs if isinstance(v, bytes | str))
