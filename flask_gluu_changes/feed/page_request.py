"""What is asked of the timeStamp form, and by whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from ..encoder import EncodedEntry
from ..timestamps import to_micros
from .snapshot import SPILL_BYTES, SnapshotWriter


class SessionKey(NamedTuple):
    """Who pages, and through the changes since when."""

    caller: str
    since: datetime


class Traits(NamedTuple):
    """What tells apart the clients of one caller, as far as a request shows it.

    session: the name of the paging session that the client was given, if it sends that. others: any
    text that is the same for all requests of one client, or nearly.
    """

    session: str = ""
    others: str = ""


Look = Callable[[], tuple[Iterator[EncodedEntry], int]]
"""Begins to read the whole answer from the store of people. Returns the entries, and the latest
change time that can be right, in microseconds since the epoch."""

Place = Callable[[], AbstractContextManager[object]]
"""Returns the context in which the rest of a large answer is read, or waited for."""


class PageRequest(NamedTuple):
    """What is asked for, by whom, and how it is read from the store of people."""

    key: SessionKey
    start: int
    size: int
    look: Look
    find_traits: Callable[[], Traits] = Traits
    reading: Place = nullcontext
    sharing: Place = nullcontext

    @property
    def since(self) -> int:
        """The time that is asked for, in microseconds since the epoch."""
        return to_micros(self.key.since)

    @property
    def caller(self) -> str:
        """Who asks, as a digest: the table shows nobody."""
        return _digest(self.key.caller)

    @property
    def traits(self) -> Traits:
        """What tells the client apart; the text as a digest, too."""
        name, others = self.find_traits()
        return Traits(name, _digest(others))


def within_place(
    entries: Iterator[EncodedEntry], writer: SnapshotWriter, reading: Place
) -> Iterator[EncodedEntry]:
    """Yield entries for a writer; the rest of what turns out to be large in a context."""
    while writer.octets <= SPILL_BYTES and (entry := next(entries, None)) is not None:
        yield entry
    if writer.octets > SPILL_BYTES:
        with reading():
            yield from entries


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
