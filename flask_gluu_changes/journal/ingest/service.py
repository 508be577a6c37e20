"""The ingest service: waits for the lease, follows the source, tries again after failures.

What is followed, and how it is written, comes from an application's config.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from time import monotonic
from typing import Any

from sqlalchemy import Engine

from ...backend import Backend
from ...errors import BackendRefused, BackendUnavailable, ConfigurationError
from ...follower import (
    ContinuityLost,
    Event,
    Follower,
    Heartbeat,
    NotFollowable,
    SnapshotProgress,
    SnapshotStarted,
    StopSignal,
    Upserted,
)
from ...model import ChangesQuery, Visibility
from ...settings.base import Settings
from ...settings.fields import PREFIX
from ...settings.journal import FollowSettings, JournalSettings
from ..records import EVERYTHING_SINCE, IdentityEncoder
from ..tables import now, open_engine
from ..writer import SECOND, LeaseLost, Writer
from .ingester import Ingester
from .polling import Pace, PollingFollower

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0
"""Seconds between two tries while the source cannot be reached, doubled each time."""

PRUNE_EVERY = 600.0
"""Seconds between two looks for what is too old to be kept."""


@dataclass(frozen=True)
class IngestJob:
    """What to follow, and how it is written.

    choose: gives the way to follow the source, asked before each try. settings_digest: names all that decides
    how an entry is written, besides the entry. retention_days: how long removals are remembered.
    """

    choose: Callable[[], Follower]
    encoder: IdentityEncoder
    settings_digest: str
    retention_days: float


class IngestService:
    """One process's part in filling a journal; of several, the others wait."""

    def __init__(self, writer: Writer, job: IngestJob, progress: SnapshotProgress) -> None:
        self._writer = writer
        self._job = job
        self._progress = progress
        self._wait = FIRST_WAIT
        self._pruned: float | None = None
        self._waits = False

    def run(self, stop: StopSignal) -> None:
        """Follow until it is told to stop; the lease is given back in any case."""
        try:
            while not stop.is_set:
                if self._writer.acquire():
                    self._waits = False
                    self._follow(stop)
                else:
                    self._wait_for_lease(stop)
        finally:
            self._writer.release()

    def _wait_for_lease(self, stop: StopSignal) -> None:
        if not self._waits:
            log.info("another process fills the journal; this one waits to take over")
        self._waits = True
        stop.wait(min(stop.heartbeat_interval, 1.0))

    def _follow(self, stop: StopSignal) -> None:
        try:
            self._follow_once(stop)
        except LeaseLost as error:
            log.warning("%s", error)
        except ContinuityLost as error:
            log.warning("a new epoch begins: %s", error)
            self._writer.begin_epoch()
        except BackendUnavailable as error:
            log.warning("%s; trying again in %.1f s", error, self._wait)
            stop.wait(self._wait)
            self._wait = min(self._wait * 2, LONGEST_WAIT)

    def _follow_once(self, stop: StopSignal) -> None:
        follower = self._job.choose()
        self._writer.follow(
            f"{follower.source} as {self._job.settings_digest}", follower.level, follower.why
        )
        state = self._writer.state()
        progress = SnapshotProgress() if state.built else self._progress
        with closing(follower.events(state.cookie, stop)) as events:  # type: ignore[type-var]
            Ingester(self._writer, self._job.encoder, follower, progress).consume(
                self._tend(events)
            )

    def _tend(self, events: Iterable[Event]) -> Iterator[Event]:
        """Pass events on, and do in quiet moments what has nothing to do with them."""
        for event in events:
            yield event
            if not isinstance(event, Upserted):
                if isinstance(event, Heartbeat):
                    self._prune()
                self._wait = self._wait if isinstance(event, SnapshotStarted) else FIRST_WAIT

    def _prune(self) -> None:
        if self._pruned is None or monotonic() - self._pruned >= PRUNE_EVERY:
            self._pruned = monotonic()
            self._writer.prune(now() - int(self._job.retention_days * 86_400 * SECOND))


HEARTBEATS_PER_LEASE = 3
"""In the time that a lease lasts."""

MAX_HEARTBEAT_INTERVAL = 5.0


def run_ingest(
    config: Mapping[str, Any], backend: Backend, stop: StopSignal, progress: SnapshotProgress
) -> None:
    """Follow a backend into the journal until it is told to stop, if nobody else does.

    Raises BackendRefused when an operator must act, and ConfigurationError without a journal.
    """
    settings, engine = FollowSettings.load(config), _engine(config)
    writer = Writer(engine, seconds=settings.follow_lease)
    stop.heartbeat_interval = min(
        MAX_HEARTBEAT_INTERVAL, settings.follow_lease / HEARTBEATS_PER_LEASE
    )
    try:
        IngestService(writer, ingest_job(config, backend), progress).run(stop)
    finally:
        engine.dispose()


def begin_epoch(config: Mapping[str, Any]) -> None:
    """Begin a new epoch: every token becomes void, and everybody is read by the next `run_ingest`.

    Raises BackendRefused while another process writes the journal, else what `run_ingest` raises.
    """
    engine = _engine(config)
    writer = Writer(engine)
    try:
        if not writer.acquire():
            raise BackendRefused(
                "`flask gluu-changes follow` fills the journal; stop it first. If it was killed,"
                f" its lease lasts for another {PREFIX}FOLLOW_LEASE"
            )
        writer.begin_epoch()
        writer.release()
    finally:
        engine.dispose()


def _engine(config: Mapping[str, Any]) -> Engine:
    url = JournalSettings.load(config).journal_url
    if not url:
        raise ConfigurationError(f"{PREFIX}JOURNAL_URL is missing; set it to sqlite:///…")
    return open_engine(url)


def ingest_job(config: Mapping[str, Any], backend: Backend) -> IngestJob:
    """Say what is to be followed, and how it is written, by an application's config."""
    own, pace = Settings.load(config), FollowSettings.load(config)
    times = own.time_attributes or ()
    visibility = Visibility.of(own.allowed_attributes, own.denied_attributes)
    encoder = IdentityEncoder(
        times, lambda name: backend.attribute_type(name) or own.type_of(name), visibility
    )
    query = ChangesQuery(EVERYTHING_SINCE, times, visibility.allowed, visibility.hidden)
    paced = Pace(pace.follow_interval, pace.follow_lag, pace.follow_sweep)
    retention = JournalSettings.load(config).retention_days
    return IngestJob(lambda: choose(backend, query, paced), encoder, own.digest, retention)


def choose(backend: Backend, query: ChangesQuery, pace: Pace) -> Follower:
    """Follow a backend exactly if it can be, else by its time stamps."""
    try:
        return backend.follower(query)
    except NotFollowable as error:
        return PollingFollower(backend, query, pace, str(error))
