"""The ingest service: waits for the lease, follows the source, tries again after failures.

What is followed, and how it is written, comes from an application's config.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from time import monotonic
from typing import Any

from ...backend import Backend
from ...errors import BackendRefused, BackendUnavailable
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
from ..limits import SizeLimits
from ..records import EVERYTHING_SINCE, IdentityEncoder
from ..tables import engine_from_config, now
from ..writer import SECOND, LeaseLost, Writer
from .ingester import Ingester
from .polling import PollingFollower

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0
"""Seconds between two tries while the source cannot be reached, doubled each time."""

PRUNE_EVERY = 600.0
"""Seconds between two looks for what is too old to be kept."""

HEARTBEATS_PER_LEASE = 3
"""In the time that a lease lasts."""

MAX_HEARTBEAT_INTERVAL = 5.0
"""Seconds."""


@dataclass(frozen=True)
class IngestJob:
    """What to follow, and how it is written.

    choose: returns the way to follow the source, asked before each try. settings_digest: of all
    that decides how an entry is written, besides the entry. retention_days: how long removals are
    kept.
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
        self._retry_wait = FIRST_WAIT
        self._pruned_at: float | None = None
        self._waits_for_lease = False

    def run(self, stop: StopSignal) -> None:
        """Follow until the stop signal is set; the lease is released in any case."""
        try:
            while not stop.is_set:
                if self._writer.acquire():
                    self._waits_for_lease = False
                    self._follow(stop)
                else:
                    self._wait_for_lease(stop)
        finally:
            self._writer.release()

    def _wait_for_lease(self, stop: StopSignal) -> None:
        if not self._waits_for_lease:
            log.info("another process fills the journal; this one waits to take over")
        self._waits_for_lease = True
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
            log.warning("%s; trying again in %.1f s", error, self._retry_wait)
            stop.wait(self._retry_wait)
            self._retry_wait = min(self._retry_wait * 2, LONGEST_WAIT)

    def _follow_once(self, stop: StopSignal) -> None:
        follower = self._job.choose()
        source = f"{follower.source} as {self._job.settings_digest}"
        self._writer.follow(source, follower.level, follower.why)
        self._job.encoder.limit_entries(self._writer.largest_entry())
        state = self._writer.state()
        progress = SnapshotProgress() if state.built else self._progress
        ingester = Ingester(self._writer, self._job.encoder, follower, progress)
        with closing(follower.events(state.cookie, stop)) as events:  # type: ignore[type-var]
            for event in events:
                ingester.handle(event)
                if not isinstance(event, Upserted):
                    self._note_progress(event)

    def _note_progress(self, event: Event) -> None:
        """Prune in quiet moments; a source that does more than begin a snapshot is well again."""
        if isinstance(event, Heartbeat):
            self._prune_if_due()
        if not isinstance(event, SnapshotStarted):
            self._retry_wait = FIRST_WAIT

    def _prune_if_due(self) -> None:
        if self._pruned_at is None or monotonic() - self._pruned_at >= PRUNE_EVERY:
            self._pruned_at = monotonic()
            self._writer.prune(now() - int(self._job.retention_days * 86_400 * SECOND))


def run_ingest(
    config: Mapping[str, Any], backend: Backend, stop: StopSignal, progress: SnapshotProgress
) -> None:
    """Follow a backend into the journal until the stop signal is set, if nobody else does.

    Raises BackendRefused when an operator must act, and ConfigurationError without a journal.
    """
    settings, engine = FollowSettings.load(config), engine_from_config(config)
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
    engine = engine_from_config(config)
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


def ingest_job(config: Mapping[str, Any], backend: Backend) -> IngestJob:
    """Return what is to be followed, and how it is written, by an application's config."""
    settings, following = Settings.load(config), FollowSettings.load(config)
    times = settings.time_attributes
    visibility = Visibility.of(settings.allowed_attributes, settings.denied_attributes)
    encoder = IdentityEncoder(
        times,
        lambda name: backend.attribute_type(name) or settings.type_of(name),
        visibility,
        SizeLimits(following.max_value_octets, following.max_entry_octets),
    )
    query = ChangesQuery(EVERYTHING_SINCE, times, visibility.allowed, visibility.hidden)
    return IngestJob(
        choose=lambda: _choose_follower(backend, query, following),
        encoder=encoder,
        settings_digest=settings.digest,
        retention_days=JournalSettings.load(config).retention_days,
    )


def _choose_follower(backend: Backend, query: ChangesQuery, settings: FollowSettings) -> Follower:
    """Follow a backend exactly if it can be, else by its time stamps."""
    try:
        return backend.follower(query)
    except NotFollowable as error:
        return PollingFollower(backend, query, settings, str(error))
