"""JournalBackend: people out of a journal, by time stamp as at Gluu, and in the order of change."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

import orjson
from sqlalchemy import Engine

from ..backend import Backend
from ..encoder import EncodedEntry
from ..errors import ConfigurationError
from ..model import ChangesQuery, Entry
from ..settings.base import Settings
from ..settings.fields import PREFIX
from ..settings.journal import JournalSettings
from ..timestamps import to_micros
from .long_poll import HeadWatcher
from .protocol import Position, SequenceBackend, Slice, Status
from .reader import JournalReader
from .records import body_of
from .tables import open_engine


class JournalBackend(SequenceBackend):
    """Serves the journal that an ingester fills; it only reads.

    journal: the URL of its database, as SQLAlchemy writes it, or an engine of `open_engine`.
    source: whom `flask gluu-changes follow` fills it from. settings_digest: what clients may see was decided
    when the journal was filled; with `Settings.digest`, one filled under other settings is refused.
    """

    def __init__(
        self,
        journal: str | Engine,
        *,
        source: Backend | None = None,
        settings_digest: str | None = None,
    ) -> None:
        self.source = source
        self._engine = open_engine(journal) if isinstance(journal, str) else journal
        self._reader = JournalReader(self._engine, settings_digest)
        self._watcher = HeadWatcher(self._reader.head)

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], *, source: Backend | None = None
    ) -> JournalBackend:
        """Open the journal that an application's config names; connects at the first request."""
        url = JournalSettings.load(config).journal_url
        if not url:
            raise ConfigurationError(f"{PREFIX}JOURNAL_URL is missing; set it, e.g. sqlite:///…")
        return cls(url, source=source, settings_digest=Settings.load(config).digest)

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        """Yield who was added or changed since a time, with values as JSON has them."""
        for _, _, body in self.encoded(query):
            yield orjson.loads(body)

    def encoded(self, query: ChangesQuery) -> Iterator[EncodedEntry]:
        """Yield the same as the bytes that clients get."""
        since = to_micros(query.since)
        for key, changed, line in self._reader.since(since):
            yield key, max(since, changed), body_of(line)

    def read_slice(self, position: Position | None, size: int) -> Slice:
        """Read at most `size` rows from a position; None begins a full run."""
        return self._reader.read_slice(position, size)

    def latest(self) -> Position:
        """Give the position behind everything there is."""
        return self._reader.latest()

    def status(self) -> Status:
        """Tell how the journal is, built or not."""
        return self._reader.status()

    def wait(self, position: Position, seconds: float, *, most: int) -> bool:
        """Return True when something came after a position, False after so many seconds."""
        return self._watcher.wait((position.epoch, position.after), seconds, most=most)

    def close(self) -> None:
        """Let those go who wait for a change, and close the connections of this process."""
        self._watcher.close()
        self._engine.dispose()

    def end_waits_on(self, number: int = signal.SIGTERM) -> None:
        """Let waiting requests go when a signal comes, so that a server stops at once.

        Opt in from the main thread of a server's worker, after it has set its own handler, which
        is called next: in gunicorn's `post_worker_init`.
        """
        before = signal.getsignal(number)

        def handle(received: int, frame: FrameType | None) -> None:
            self._watcher.close()
            _hand_on(before, received, frame)

        signal.signal(number, handle)


def _hand_on(before: Any, received: int, frame: FrameType | None) -> None:
    """Do what would have been done without us."""
    if callable(before):
        before(received, frame)
    elif before == signal.SIG_DFL:
        signal.signal(received, signal.SIG_DFL)
        signal.raise_signal(received)
