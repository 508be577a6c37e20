"""Filling the journal of an application from the backend that it is configured with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine

from .backend import Backend
from .configuration import PREFIX
from .errors import BackendRefused, ConfigurationError
from .follow_settings import FollowSettings
from .following import Bell, Follower, NotFollowable, Watcher
from .journal.identities import EVERYTHING_SINCE, IdentityEncoder
from .journal.ingest.lagging import LaggingFollower, Pace
from .journal.ingest.loop import Job, Loop
from .journal.tables import open_engine
from .journal.writer import Writer
from .journal_settings import JournalSettings
from .model import ChangesQuery
from .settings import Settings
from .visibility import Visibility

SIGNS_OF_LIFE = 3
"""In the time that a lease lasts."""

LONGEST_BEAT = 5.0


def fill(config: Mapping[str, Any], backend: Backend, bell: Bell, watcher: Watcher) -> None:
    """Follow a backend into the journal until the bell rings, if nobody else does.

    Raises BackendRefused when an operator must act, and ConfigurationError without a journal.
    """
    settings, engine = FollowSettings.load(config), _engine(config)
    writer = Writer(engine, seconds=settings.follow_lease)
    bell.beat = min(LONGEST_BEAT, settings.follow_lease / SIGNS_OF_LIFE)
    try:
        Loop(writer, job_of(config, backend), watcher).run(bell)
    finally:
        engine.dispose()


def begin_anew(config: Mapping[str, Any]) -> None:
    """Begin a new epoch: every token becomes void, and everybody is read by the next `fill`.

    Raises BackendRefused while another process writes the journal, else what `fill` raises.
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


def job_of(config: Mapping[str, Any], backend: Backend) -> Job:
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
    return Job(lambda: choose(backend, query, paced), encoder, own.view, retention)


def choose(backend: Backend, query: ChangesQuery, pace: Pace) -> Follower:
    """Follow a backend exactly if it can be, else by its time stamps."""
    try:
        return backend.follower(query)
    except NotFollowable as error:
        return LaggingFollower(backend, query, pace, str(error))
