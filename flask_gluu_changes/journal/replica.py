"""Reading from a replica of the journal's database, which may lag, be away, or be promoted.

A replica holds the journal as it was a while ago: whole, and in order. This is the rule:

- A token is answered from the replica if the replica has the commit that the token names. So nobody
  is ever told an older state than the one that the token stands for.
- Whatever the replica refuses, because it lags behind the token, does not know its epoch, has
  forgotten its commit or is being built, is asked of the primary, whose answer counts. So 410 never
  comes from a replica.
- What has no token begins at the primary: full runs and `latest`. A client may have been told more
  than a replica has. Its further pages come from the replica once it has the run's last commit.
- The time stamp form, which knows no versions, the status, and the looks of those who wait are the
  replica's.
- While the replica cannot be read, the primary answers everything. The replica is asked again after
  `REST` seconds, by one request.
- While the primary cannot be read, what only it can answer is 503 with `Retry-After`.

A replica that does not know of a new epoch yet goes on answering tokens of the one before, as the
primary did a while ago. Its clients get their 410 when it has caught up, or when another node does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from time import monotonic
from typing import Any, TypeVar

from ..errors import BackendUnavailable
from .failures import JournalUnavailable
from .protocol import Position, ResyncRequired, Slice, Status
from .reader import JournalReader
from .tables import JournalState

log = logging.getLogger(__name__)

REST = 5.0
"""Seconds for which a replica is not asked after it could not be read."""

T = TypeVar("T")

_NO_ROW = object()


class Told:
    """What a client that waits was told: everything up to a position."""

    def __init__(self, position: Position) -> None:
        self._position = position
        self._first_epoch = ""

    def is_behind(self, head: tuple[str, int]) -> bool:
        """Return whether a head has news, and is not that of a replica that lags.

        Another epoch is news, unless it is the one that the replica had from the beginning.
        """
        epoch, seq = head
        self._first_epoch = self._first_epoch or epoch
        if epoch == self._position.epoch:
            return seq > self._position.after
        return epoch != self._first_epoch


class ReplicatedReader:
    """Reads from a replica what it can answer, and all else from the primary."""

    def __init__(
        self,
        primary: JournalReader,
        replica: JournalReader,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._primary = primary
        self._replica = replica
        self._clock = clock
        self._asked_again_at: float | None = None

    def read_slice(self, position: Position | None, size: int, separator: bytes = b"") -> Slice:
        """Read at most `size` rows from a position; None begins a full run, at the primary."""
        if position is None:
            return self._primary.read_slice(None, size, separator)
        return self._read(lambda reader: reader.read_slice(position, size, separator))

    def latest(self, told: Position | None = None) -> Position:
        """Return the position behind everything there is; behind a position the replica knows."""
        return self._read(lambda reader: reader.latest()) if told else self._primary.latest()

    def head(self) -> tuple[str, int]:
        """Return epoch and head of what is read from."""
        return self._read(lambda reader: reader.head())

    def told(self, position: Position) -> Told:
        """Return what `is_news` compares a head with."""
        return Told(position)

    def is_news(self, head: tuple[str, int], told: Told) -> bool:
        """Return whether a head shows that something came behind what was told."""
        return told.is_behind(head)

    def status(self) -> Status:
        """Return what the journal says of itself, built or not."""
        return self._read(lambda reader: reader.status())

    def count_people(self) -> int:
        """Return how many people are not removed."""
        return self._read(lambda reader: reader.count_people())

    def state(self) -> tuple[JournalState, int, int]:
        """Return the primary's state, and how many entries are set aside, and removals held."""
        return self._primary.state()

    def since(self, *arguments: Any, **options: Any) -> Iterator[tuple[bytes, int, bytes]]:
        """Yield what `JournalReader.since` does; once it has begun, it stays with the replica."""

        def begun(reader: JournalReader) -> tuple[object, Iterator[tuple[bytes, int, bytes]]]:
            rows = reader.since(*arguments, **options)
            return next(rows, _NO_ROW), rows

        first, rows = self._read(begun)
        with closing(rows):  # type: ignore[type-var]
            if first is not _NO_ROW:
                yield first  # type: ignore[misc]
                yield from rows

    def _read(self, ask: Callable[[JournalReader], T]) -> T:
        """Ask the replica, and the primary for what it does not know or cannot say."""
        if self._rests():
            return ask(self._primary)
        try:
            answer = ask(self._replica)
        except JournalUnavailable as error:
            self._let_rest(error)
        except (BackendUnavailable, ResyncRequired):
            pass  # it lags, or the primary says the same
        else:
            self._note_answer()
            return answer
        return ask(self._primary)

    def _rests(self) -> bool:
        """Return whether the replica is not to be asked now; one request finds out at a time."""
        if self._asked_again_at is None:
            return False
        if self._clock() < self._asked_again_at:
            return True
        self._asked_again_at = self._clock() + REST
        return False

    def _let_rest(self, error: JournalUnavailable) -> None:
        if self._asked_again_at is None:
            log.warning("the replica does not answer, so the primary is asked instead: %s", error)
        self._asked_again_at = self._clock() + REST

    def _note_answer(self) -> None:
        if self._asked_again_at is not None:
            log.info("the replica answers again")
            self._asked_again_at = None
