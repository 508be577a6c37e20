"""JournalBackend: people out of a journal, by time stamp as at Gluu, and in the order of change."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

from sqlalchemy import Engine

from ..backend import Backend
from ..database import name_of
from ..encoder import EncodedEntry
from ..errors import BackendUnavailable
from ..model import ChangesQuery, Entry, Finding
from ..settings.journal import FollowSettings
from ..timestamps import to_micros
from ..visibility import AttributeInfo, Visibility
from .damage import REMEDY, JournalDamaged, damage_told
from .examine import JournalExamination, examine_source, unreadable
from .examine_replica import examine_replica
from .long_poll import HeadWatcher
from .protocol import Position, SequenceBackend, Slice, Status
from .reader import JournalReader
from .records import body_of
from .replica import ReplicatedReader
from .selection import Cutter
from .tables import engine_from_config, open_engine, replica_engine_from_config

LONGEST_INTEGER = 4300
"""Digits that Python reads (its `sys.int_info`)."""


class JournalBackend(SequenceBackend):
    """Serves the journal that an ingester fills; it only reads.

    Attributes:
        source: The backend that the journal is filled from, if it is known.
    """

    def __init__(
        self,
        journal: str | Engine,
        *,
        source: Backend | None = None,
        replica: str | Engine | None = None,
    ) -> None:
        """Prepare a backend; nothing is connected before the first use.

        Args:
            journal: The URL of the journal's database, as SQLAlchemy writes it, or an engine of
                `open_engine`.
            source: The backend that `flask gluu-changes follow` fills the journal from.
            replica: A replica of that database, from which is read what it can answer; as
                `journal`.

        Raises:
            ConfigurationError: A URL cannot be used.
        """
        self.source = source
        self._following = FollowSettings()
        self._engine = open_engine(journal) if isinstance(journal, str) else journal
        self._replica = open_engine(replica) if isinstance(replica, str) else replica
        self._readers = {"journal": JournalReader(self._engine)}
        if self._replica is not None:
            self._readers["replica"] = JournalReader(self._replica, notes=False)
        self._reader = _replicated(**self._readers)
        self._watcher = HeadWatcher(self._reader.head, self._reader.is_news)

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], *, source: Backend | None = None
    ) -> JournalBackend:
        """Return a backend for the journal that an application's config names.

        Args:
            config: The application's config; `GLUU_CHANGES_JOURNAL_URL` is needed, and
                `GLUU_CHANGES_JOURNAL_READ_URL` heeded.
            source: The backend that `flask gluu-changes follow` fills the journal from.

        Raises:
            ConfigurationError: The URL is missing, or another key is wrong.
        """
        replica = replica_engine_from_config(config)
        backend = cls(engine_from_config(config), source=source, replica=replica)
        backend._following = FollowSettings.load(config)
        return backend

    def describe(self, name: str) -> AttributeInfo | None:
        """Return what the schema of the store that the journal is filled from tells.

        Args:
            name: A name or OID of the attribute, without options and in lower case.
        """
        return self.source.describe(name) if self.source else super().describe(name)

    def store_name(self) -> str:
        """Return the journal's database; empty where it is in memory."""
        return name_of(self._engine)

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        """Yield who was added or changed since a time, with values as JSON has them."""
        with damage_told():
            for _, _, line in self._since(query, bytes):
                yield json.loads(body_of(line), parse_int=_integer)

    def encoded(self, query: ChangesQuery) -> Iterator[EncodedEntry]:
        """Yield the same as the bytes that clients get, without what the query excludes."""
        since = to_micros(query.since)
        cutter = Cutter(Visibility.of_query(query).shows)
        with damage_told():
            for key, changed, line in self._since(query, cutter.cut):
                yield key, max(since, changed), body_of(line)

    def _since(
        self, query: ChangesQuery, cut: Callable[[bytes], bytes]
    ) -> Iterator[tuple[bytes, int, bytes]]:
        return self._reader.since(
            to_micros(query.since),
            everybody=query.everybody,
            settings_digest=query.settings_digest,
            cut=cut,
        )

    def examine(self, query: ChangesQuery) -> Iterator[Finding]:
        """Examine the journal, then the store that it is filled from.

        Args:
            query: What the feed would ask.
        """
        try:
            state, quarantined, held = self._reader.state()
        except BackendUnavailable as error:
            yield unreadable(error)
            yield from examine_source(self.source, query, "")
            return
        examination = JournalExamination(
            state, quarantined, held, self._following, query.settings_digest
        )
        yield from examination.findings()
        if state.built:
            yield from self._tampered()
        if self._replica is not None:
            yield from examine_replica(self._engine, self._replica)
        yield from examine_source(self.source, query, state.level)

    def _tampered(self) -> Iterator[Finding]:
        """Say where clients get no answer although everybody was read."""
        try:
            self._reader.latest()
        except JournalDamaged as error:
            yield Finding.fault(error.what, REMEDY)
        except BackendUnavailable as error:
            yield Finding.fault(
                str(error), "stop `flask gluu-changes follow`, run `flask gluu-changes new-epoch`"
            )

    def read_slice(self, position: Position | None, size: int) -> Slice:
        """Read the next rows of a run.

        Args:
            position: Where to go on; None begins a full run.
            size: The highest number of rows.

        Raises:
            BackendUnavailable: The journal is being built, or cannot be read.
            ResyncRequired: The run cannot go on from the position.
        """
        return self._reader.read_slice(position, size)

    def read_joined(self, position: Position | None, size: int, separator: bytes) -> Slice:
        """Read the same, the entries joined by a separator where SQLite does that.

        Args:
            position: Where to go on; None begins a full run.
            size: The highest number of rows.
            separator: What stands between two objects.

        Raises:
            BackendUnavailable: The journal is being built, or cannot be read.
            ResyncRequired: The run cannot go on from the position.
        """
        return self._reader.read_slice(position, size, separator)

    def latest(self, told: Position | None = None) -> Position:
        """Return the position behind everything there is.

        Args:
            told: How far the client was told; then it may be a replica's.
        """
        return self._reader.latest(told)

    def status(self) -> Status:
        """Return what the journal says of itself, built or not."""
        return self._reader.status()

    def count_people(self) -> int:
        """Return how many people the journal holds, those who were removed not among them."""
        return self._reader.count_people()

    def connections(self) -> Mapping[str, tuple[int, int]]:
        """Return how many connections to the journal, and to its replica, are idle and in use."""
        return {name: reader.connections() for name, reader in self._readers.items()}

    def wait(self, position: Position, seconds: float, *, gone: Callable[[], bool]) -> bool:
        """Return True when something came after a position, False after so many seconds."""
        return self._watcher.wait(self._reader.told(position), seconds, gone=gone)

    def close(self) -> None:
        """End all waits for a change, and close the connections of this process."""
        self._watcher.close()
        self._engine.dispose()
        if self._replica is not None:
            self._replica.dispose()

    def end_waits_on(self, number: int = signal.SIGTERM) -> None:
        """End all waits for a change when a signal comes, so that a server stops at once.

        Opt in from the main thread of a server's worker, after it has set its own handler, which
        is called next: in gunicorn's `post_worker_init`. The backend of an application that a
        factory made is `app.extensions["gluu_changes"].feed.backend`.

        Args:
            number: The signal.
        """
        before = signal.getsignal(number)

        def handle(received: int, frame: FrameType | None) -> None:
            self._watcher.close()
            _call_previous(before, received, frame)

        signal.signal(number, handle)


def _replicated(
    journal: JournalReader, replica: JournalReader | None = None
) -> JournalReader | ReplicatedReader:
    return journal if replica is None else ReplicatedReader(journal, replica)


def _call_previous(handler: Any, received: int, frame: FrameType | None) -> None:
    """Do what the signal would have done without our handler."""
    if callable(handler):
        handler(received, frame)
    elif handler == signal.SIG_DFL:
        signal.signal(received, signal.SIG_DFL)
        signal.raise_signal(received)


def _integer(digits: str) -> int | str:
    """Return a whole number as it is; Python reads no longer ones, and they stay text."""
    return int(digits) if len(digits) <= LONGEST_INTEGER else digits
