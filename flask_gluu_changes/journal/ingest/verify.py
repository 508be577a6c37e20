"""`verify`: whether a journal is what its source is, and how it is made so.

What differs is written by the ordinary writer, which one process at a time may be. Where `follow`
fills the journal, the lease is taken from it for as long as that takes: it waits, and goes on at
its cookie. So whoever is read here is read after all that it wrote, and nobody goes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Engine

from ...backend import Backend
from ...errors import BackendRefused, BackendUnavailable
from ...settings.journal import FollowSettings
from ..quarantine import Unwritable
from ..reader import JournalReader
from ..records import Identity
from ..tables import engine_from_config
from ..view import filled_otherwise, source_under
from ..writer import DELETED, LAGGING, OUT_OF_SCOPE, LeaseLost, WriteBatch, Writer
from .comparison import Fault, JournalRows
from .removal_limit import RemovalLimit
from .service import ingest_job
from .verifier import POLL, Confirmation, Report, Verifier, in_parts

PATIENCE, MOST_PATIENCE = 30.0, 120.0
"""Seconds for a confirmation, besides two intervals at which a store is polled; and the most."""

LEASE_PATIENCE = 20.0
"""Seconds for the lease."""

_Faults = Mapping[str, Fault]


def verify(config: Mapping[str, Any], backend: Backend, *, repair: bool) -> Report:
    """Compare the journal of an application's config with a backend; with `repair` make it equal.

    The report is of what is left then.

    Raises BackendUnavailable while something cannot be reached or the journal is being built, and
    BackendRefused where the journal was filled from another source or under other settings.
    """
    engine = engine_from_config(config)
    try:
        verification = Verification(engine, config, backend)
        return verification.repair() if repair else verification.verify()
    finally:
        engine.dispose()


class Verification:
    """A journal, the source that it was filled from, and the right to write it."""

    def __init__(self, engine: Engine, config: Mapping[str, Any], backend: Backend) -> None:
        settings, job = FollowSettings.load(config), ingest_job(config, backend)
        reader = JournalReader(engine)
        state = reader.state()[0]
        self._follower = job.choose()
        self._source = source_under(self._follower.source, job.settings_digest)
        _check_source(state.source, self._source)
        self._writer = Writer(engine, seconds=settings.follow_lease)
        self._removal_limit = RemovalLimit(self._writer, job.max_removals)
        job.encoder.limit_entries(self._writer.largest_entry())
        self._verifier = Verifier(
            JournalRows(engine),
            self._follower,
            job.encoder,
            Confirmation(reader, _patience(self._follower.level, settings)),
        )

    def verify(self) -> Report:
        """Compare everybody."""
        return self._verifier.verify()

    def repair(self) -> Report:
        """Compare everybody, write what differs, and look at it again."""
        report = self.verify()
        while report.repairable:
            before = report
            self._write_all(report.repairable)
            report = self._after(report)
            if report.uncounted == 0 or len(report.faults) == len(before.faults):
                return report
            report = self.verify()
        return report

    def _after(self, before: Report) -> Report:
        """Return what is left of the faults of a report."""
        after = Report(before.people, uncounted=before.uncounted, confirmed=before.confirmed)
        self._verifier.settle(dict(self._verifier.look_at(before.faults)), after)
        after.repaired = before.repaired + len(before.faults) - len(after.faults)
        return after

    def _write_all(self, faults: _Faults) -> None:
        """Write what is at fault, removals first: an inum may be another person's by now."""
        gone = [id_ for id_, fault in faults.items() if fault.is_about_nobody]
        with self._writing():
            for ids in (gone, [*faults.keys() - {*gone}]):
                if ids:
                    self._write(self._verifier.look_at(ids))

    def _write(self, faults: Iterable[tuple[str, Fault]]) -> None:
        for part in in_parts(faults, lambda item: item[1].size):
            # the rows are newer then than what the saved cookie says of how people were told
            doubted = self._follower.doubted(self._writer.state().cookie)
            outside = self._follower.outside([id_ for id_, fault in part if fault.found is None])
            batch = WriteBatch(doubted, repairs=True, doubted=doubted)
            for id_, fault in part:
                _add(batch, id_, fault, OUT_OF_SCOPE if id_ in outside else DELETED)
            self._removal_limit.apply(batch, ())
            self._writer.commit(batch)
        self._removal_limit.report()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Have the lease, and keep it while people are read."""
        self._take_lease()
        try:
            with self._writer.lease_kept():
                _check_source(self._writer.state().source, self._source)
                yield
        except LeaseLost as error:
            raise BackendUnavailable(
                "another process fills the journal now; run this again"
            ) from error
        finally:
            self._writer.release()

    def _take_lease(self) -> None:
        deadline = monotonic() + LEASE_PATIENCE
        while not self._writer.acquire(by_force=True):
            if monotonic() > deadline:
                raise BackendUnavailable(
                    "the journal is locked by the process that fills it; stop `flask gluu-changes"
                    " follow`, and run this again"
                )
            sleep(POLL)


def _add(batch: WriteBatch, id_: str, fault: Fault, reason: str) -> None:
    match fault.found:
        case None:
            batch.remove(id_, reason)
        case Unwritable() as unwritable:
            batch.set_aside(id_, unwritable)
        case Identity() as identity:
            batch.put(identity)


def _check_source(known: str, wanted: str) -> None:
    """Raise BackendRefused unless the journal was filled from a source, under its settings."""
    if known == wanted:
        return
    raise BackendRefused(
        f"the journal was filled {filled_otherwise(known, wanted)}; run this with the settings of"
        " `flask gluu-changes follow`"
    )


def _patience(level: str, settings: FollowSettings) -> float:
    polls = 2 * settings.follow_interval if level == LAGGING else 0.0
    return min(PATIENCE + polls, MOST_PATIENCE)
