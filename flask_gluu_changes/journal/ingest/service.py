"""The ingest service: waits for the lease, follows the source, tries again after failures.

What is followed, and how it is written, comes from an application's config.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from sqlalchemy import Engine

from ...backend import Backend
from ...errors import BackendRefused, BackendUnavailable
from ...follower import (
    ContinuityLost,
    Event,
    Follower,
    FollowMeter,
    Heartbeat,
    NotFollowable,
    SnapshotProgress,
    SnapshotStarted,
    StopSignal,
    Upserted,
)
from ...model import ChangesQuery
from ...settings.base import Settings
from ...settings.fields import PREFIX
from ...settings.journal import FollowSettings, JournalSettings
from .. import held
from ..failures import JournalUnavailable, journal_errors, repeated
from ..limits import SizeLimits
from ..reader import JournalReader
from ..records import EVERYTHING_SINCE, IdentityEncoder
from ..tables import engine_from_config, now, writer_engine
from ..view import are_other_identities, filled_otherwise, source_under
from ..writer import SECOND, CommitsLost, LeaseLost, Writer
from .ingester import Ingester
from .other_identities import OtherIdentities
from .polling import PollingFollower
from .removal_limit import RemovalLimit
from .report import Activity, Outage

log = logging.getLogger(__name__)

NOBODY_SINCE = datetime(9999, 1, 1, tzinfo=UTC)
"""A time since which nobody changed."""

PRUNE_EVERY = 600.0
"""Seconds between two looks for what is too old to be kept."""

HEARTBEATS_PER_LEASE = 3
"""In the time that a lease lasts."""

MAX_HEARTBEAT_INTERVAL = 5.0
"""Seconds."""


@dataclass(frozen=True)
class IngestJob:
    """What to follow, and how it is written.

    check: asks the source what will be asked, for nobody; it raises what the source cannot answer.
    choose: returns the way to follow the source, asked before each try. settings_digest: of all
    that decides how an entry is written, besides the entry. retention_days: how long removals are
    kept. max_removals: the share of all people that may be removed in a short time.
    """

    check: Callable[[], None]
    choose: Callable[[], Follower]
    encoder: IdentityEncoder
    settings_digest: str
    retention_days: float
    max_removals: float


class IngestService:
    """One process's part in filling a journal; of several, the others wait."""

    def __init__(self, writer: Writer, job: IngestJob, progress: SnapshotProgress) -> None:
        self._writer = writer
        self._job = job
        self._progress = progress
        self._removal_limit = RemovalLimit(writer, job.max_removals)
        self._other_identities = OtherIdentities(writer, job.max_removals)
        self._outage = Outage()
        self._activity = Activity()
        self._pruned_at: float | None = None
        self._waits_for_lease = False
        self._said = ""

    def run(self, stop: StopSignal) -> None:
        """Follow until the stop signal is set; the lease is released in any case.

        What is not available is waited for, be it the source or the journal's own database.
        """
        try:
            while not stop.is_set:
                self._try(stop)
        finally:
            self._release()

    def _try(self, stop: StopSignal) -> None:
        try:
            if self._writer.acquire():
                self._waits_for_lease = False
                self._follow(stop)
            else:
                self._wait_for_lease(stop)
        except BackendUnavailable as error:
            self._writer.doubt()
            self._writer.meter.connected(False)
            stop.wait(self._outage.note(error))

    def _release(self) -> None:
        try:
            self._writer.release()
        except JournalUnavailable as error:
            log.warning("the lease is not given back, and ends by itself: %s", error)

    def _wait_for_lease(self, stop: StopSignal) -> None:
        self._outage.end()
        self._writer.meter.connected(False)
        if not self._waits_for_lease:
            log.info("another process fills the journal; this one waits to take over")
        self._waits_for_lease, self._said = True, ""
        stop.wait(min(stop.heartbeat_interval, 1.0))

    def _follow(self, stop: StopSignal) -> None:
        try:
            with self._writer.lease_kept():
                self._follow_once(stop)
        except LeaseLost as error:
            self._said = ""
            log.warning("%s", error)
        except CommitsLost:
            self._writer.doubt()  # which is told once it is known what is missing
        except ContinuityLost as error:
            self._job.check()
            log.warning("a new epoch begins: %s", error)
            self._writer.begin_epoch()

    def _follow_once(self, stop: StopSignal) -> None:
        follower = self._job.choose()
        source = source_under(follower.source, self._job.settings_digest)
        known = self._writer.state().source
        if known != source:
            self._job.check()  # before every token becomes void
        if known not in {"", source}:
            if are_other_identities(known, source):
                self._other_identities.check(follower, self._job.encoder)
            log.warning(
                "a new epoch begins: the journal was filled %s", filled_otherwise(known, source)
            )
        if lost := self._writer.find_lost():
            log.warning(
                "the journal lacks %d commits that were written: its database failed over to a"
                " replica that lagged, or it was restored; they are read again",
                lost,
            )
        self._writer.follow(source, follower.level, follower.why)
        self._say_level(follower)
        self._job.encoder.limit_entries(self._writer.largest_entry())
        self._writer.hide = self._job.encoder.hide
        parts = (self._writer, self._job.encoder, follower, self._progress, self._removal_limit)
        ingester = Ingester(*parts)
        ingester.tell_lost_again()
        cookie = ingester.resume()
        try:
            with closing(follower.events(cookie, stop)) as events:  # type: ignore[type-var]
                for event in events:
                    ingester.handle(event)
                    if not isinstance(event, Upserted):
                        self._note_progress(event, ingester)
                    if stop.is_set:  # whoever reads many people again does not look
                        break
        except Exception:
            if ingester.is_in_snapshot:
                self._writer.meter.swept("failed")
            raise

    def _say_level(self, follower: Follower) -> None:
        level = f"{follower.level}: {follower.why}"
        if level != self._said:
            log.info("this process fills the journal now, at the level %s", level)
        self._said = level

    def _note_progress(self, event: Event, ingester: Ingester) -> None:
        """Prune in quiet moments; a source that does more than begin a snapshot is well again."""
        if isinstance(event, Heartbeat):
            self._prune_if_due()
            self._activity.note(ingester.take_written())
        if not isinstance(event, SnapshotStarted):
            self._outage.end()
            self._writer.meter.connected(True)

    def _prune_if_due(self) -> None:
        if self._pruned_at is None or monotonic() - self._pruned_at >= PRUNE_EVERY:
            self._pruned_at = monotonic()
            self._writer.prune(now() - int(self._job.retention_days * 86_400 * SECOND))


def run_ingest(
    config: Mapping[str, Any],
    backend: Backend,
    stop: StopSignal,
    progress: SnapshotProgress,
    meter: FollowMeter | None = None,
) -> None:
    """Follow a backend into the journal until the stop signal is set, if nobody else does.

    Raises BackendRefused when an operator must act, and ConfigurationError without a journal.
    """
    settings, engine = FollowSettings.load(config), engine_from_config(config)
    writer = Writer(engine, seconds=settings.follow_lease)
    writer.meter = meter or writer.meter
    stop.heartbeat_interval = min(
        MAX_HEARTBEAT_INTERVAL, settings.follow_lease / HEARTBEATS_PER_LEASE
    )
    try:
        IngestService(writer, ingest_job(config, backend), progress).run(stop)
    finally:
        engine.dispose()


def begin_epoch(config: Mapping[str, Any], backend: Backend | None = None) -> None:
    """Begin a new epoch: every token becomes void, and everybody is read by the next `run_ingest`.

    backend: what it will read, where it is known; it may be away at the moment.

    Raises BackendRefused while another process writes the journal, else what `run_ingest` raises.
    """
    if backend is not None:
        with suppress(BackendUnavailable):
            ingest_job(config, backend).check()
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


def confirm_removals(config: Mapping[str, Any]) -> int:
    """Let the removals go that are held back at the moment; return how many they are.

    Whoever fills the journal writes them. Raises BackendUnavailable while there is no journal.
    """
    engine = engine_from_config(config)
    try:
        JournalReader(engine).status()
        return _confirm_removals(engine)
    finally:
        engine.dispose()


@repeated
def _confirm_removals(engine: Engine) -> int:
    with journal_errors(), writer_engine(engine).begin() as connection:
        return held.confirm_removals(connection)


def ingest_job(config: Mapping[str, Any], backend: Backend) -> IngestJob:
    """Return what is to be followed, and how it is written, by an application's config."""
    settings, following = Settings.load(config), FollowSettings.load(config)
    times = settings.time_attributes
    visibility = settings.visibility.known_to(backend.describe)
    encoder = IdentityEncoder(
        times,
        lambda name: backend.attribute_type(name) or settings.type_of(name),
        visibility,
        SizeLimits(following.max_value_octets, following.max_entry_octets),
        octets=backend.yields_octets(),
    )
    query = ChangesQuery(
        EVERYTHING_SINCE, times, visibility.allowed, visibility.hidden, shown=visibility.shown
    )
    return IngestJob(
        check=lambda: _check(backend, query),
        choose=lambda: _choose_follower(backend, query, following),
        encoder=encoder,
        settings_digest=settings.digest,
        retention_days=JournalSettings.load(config).retention_days,
        max_removals=following.follow_max_removals,
    )


def _check(backend: Backend, query: ChangesQuery) -> None:
    """Ask for nobody, in the words by which everybody would be asked for."""
    next(iter(backend.changes(replace(query, since=NOBODY_SINCE))), None)


def _choose_follower(backend: Backend, query: ChangesQuery, settings: FollowSettings) -> Follower:
    """Follow a backend exactly if it can be, else by its time stamps."""
    try:
        return backend.follower(query)
    except NotFollowable as error:
        return PollingFollower(backend, query, settings, str(error))
