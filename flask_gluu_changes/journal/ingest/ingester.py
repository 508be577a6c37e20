"""Writes what a follower reports, a batch at a time: large ones in a snapshot, else at once."""

from __future__ import annotations

import logging
from time import monotonic

from ...errors import GluuChangesError
from ...follower import (
    Checkpoint,
    ContinuityLost,
    Deleted,
    DeleteUnmentioned,
    Event,
    Follower,
    Heartbeat,
    SnapshotProgress,
    SnapshotStarted,
    Unchanged,
    Upserted,
)
from ..inum_owners import NO_INUM
from ..quarantine import Unwritable
from ..records import Identity, IdentityEncoder, IdTooLong
from ..tables import now
from ..writer import DELETED, EXACT, OUT_OF_SCOPE, WriteBatch, Writer
from .removal_limit import RemovalLimit

log = logging.getLogger(__name__)

MAX_BATCH = 1000
"""Changes after which a transaction is due."""

MAX_BATCH_OCTETS = 8 * 2**20
"""Octets of their bodies after which it is."""

MAX_GROWTH = 2
"""So many times as large a transaction may become, that it may end with a cookie."""

COMMIT_EVERY = 0.2
"""Seconds between two transactions while the source tells one change after the other."""

CONFIRM_EVERY = 0.1
"""Seconds between two notes that there is nothing newer."""


class Ingester:
    """Takes the events of one follower.

    A snapshot shows late who is missing. Whoever has a new inum is held back until then, for it may
    be that of somebody who is removed: a client that keys on inums must see the removal first. In
    an epoch that was never read there is nobody to see it.
    """

    def __init__(
        self,
        writer: Writer,
        encoder: IdentityEncoder,
        follower: Follower,
        progress: SnapshotProgress,
        removal_limit: RemovalLimit,
    ) -> None:
        self._writer = writer
        self._removal_limit = removal_limit
        self._encoder = encoder
        self._follower = follower
        self._progress = progress
        self._batch = WriteBatch()
        self._repairs = False
        self._cookie: str | None = None  # the last one that was told
        self._saved: str | None = None
        self._is_ahead = False  # whether anything was told since, written or not
        self._octets = 0
        self._written = 0
        self._asked_at = now()
        self._committed_at = 0.0
        self._began_at = monotonic()
        self._snapshot: SnapshotStarted | None = None
        self._is_first = False
        self._strangers = False
        self._holds_back = False
        self._held_back: dict[str, Identity] = {}
        self._logged: dict[str, tuple[str, ...]] = {}
        self._known: dict[str, str] = {}
        self._upserted: dict[str, str] = {}  # their inums
        self._unchanged: set[str] = set()

    @property
    def is_in_snapshot(self) -> bool:
        """Whether a snapshot has begun and not ended."""
        return self._snapshot is not None

    def take_written(self) -> int:
        """Return how many changes were written since the last call."""
        written, self._written = self._written, 0
        return written

    def tell_lost_again(self) -> None:
        """Write whoever was in a commit that is missing, as they are now, whatever is known.

        Clients that know the commit wait for it, so it comes before anything else.
        """
        ids = self._writer.lost_ids()
        if not ids:
            return
        self._cookie = self._saved = self._writer.state().cookie
        log.info("people who were in a lost commit, and are told again: %d", len(ids))
        self._repairs, self._batch = True, WriteBatch(repairs=True)
        for found in self._follower.read(ids.copy()):
            self._upsert(found)
            ids.discard(found.id)
        self._batch.again.update(self._writer.with_inums_of(ids))
        self._remove([*ids])
        self._repairs = False
        self._commit()
        self._writer.settle_lost()

    def resume(self) -> str:
        """Return the cookie from which to go on.

        Raises ContinuityLost where the journal is not as a writer leaves it.
        """
        self._cookie = self._saved = cookie = self._writer.resume()
        return cookie

    def handle(self, event: Event) -> None:
        """Take one event; it is written with its batch."""
        match event:
            case Upserted():  # first, because nearly all events of a snapshot are of this kind
                self._upsert(event)
            case SnapshotStarted():
                self._start_snapshot(event)
            case Unchanged(ids):
                self._unchanged.update(ids)
            case Deleted(ids):
                self._remove(ids)
            case DeleteUnmentioned():
                self._remove_unmentioned()
            case Checkpoint():
                self._checkpoint(event)
            case Heartbeat(pending):
                self._heartbeat(pending)

    def _upsert(self, event: Upserted) -> None:
        try:
            identity = self._encoder.encode(event.id, event.entry)
        except GluuChangesError:
            raise  # it is about the store
        except Exception as error:  # whatever is wrong with one entry, the others must go on
            self._set_aside(event.id, error)
            return
        if self._snapshot:
            self._strangers = self._strangers and identity.id not in self._upserted
            self._upserted[identity.id] = identity.inum
        if identity.omitted:
            self._log_omitted(identity)
        if self._holds_back and self._known.get(event.id) != identity.inum:
            self._held_back[event.id] = identity
        else:
            self._held_back.pop(event.id, None)
            self._put(identity)

    def _set_aside(self, id_: str, error: Exception) -> None:
        if self._snapshot:
            self._upserted.setdefault(id_, NO_INUM)
        self._held_back.pop(id_, None)
        reason = str(error) if isinstance(error, IdTooLong) else type(error).__name__
        self._batch.set_aside(id_, Unwritable(reason))
        self._is_ahead = True

    def _log_omitted(self, identity: Identity) -> None:
        if self._logged.get(identity.id) != identity.omitted:
            self._logged[identity.id] = identity.omitted
            names = ", ".join(identity.omitted)
            log.warning("of the entry %s is left out as too large: %s", ascii(identity.id), names)

    def _put(self, identity: Identity) -> None:
        self._batch.put(identity)
        self._octets += len(identity.body)
        self._is_ahead = True
        self._commit_if_full()

    def _commit_if_full(self) -> None:
        if self._is_full(1 if self._snapshot else MAX_GROWTH):
            self._commit()

    def _is_full(self, times: int = 1) -> bool:
        return (
            len(self._batch.changes) >= times * MAX_BATCH
            or self._octets >= times * MAX_BATCH_OCTETS
        )

    def _start_snapshot(self, snapshot: SnapshotStarted) -> None:
        if self._batch.changes:  # those who are not in the journal yet would not be known
            self._commit()
        self._snapshot = snapshot
        self._known = self._writer.inums()
        state = self._writer.state()
        self._holds_back = state.built
        self._is_first = snapshot.complete and not self._holds_back
        self._strangers = state.head == 0 and not self._batch.changes  # nobody was ever written
        if self._is_first:
            log.info("the first reading of everybody begins; until it ends, clients get 503")
            self._progress.started(self._follower)

    def _remove(self, ids: list[str]) -> None:
        outside = self._follower.outside(ids)
        self._strangers = self._strangers and not ids
        self._batch.again.update(self._sharing_inums(ids))
        for id_ in ids:
            self._batch.remove(id_, OUT_OF_SCOPE if id_ in outside else DELETED)
            self._upserted.pop(id_, None)
            self._unchanged.discard(id_)
            self._held_back.pop(id_, None)
            self._is_ahead = True
        self._commit_if_full()

    def _sharing_inums(self, ids: list[str]) -> set[str]:
        """Return who else is known by an inum of those who are removed within a snapshot."""
        gone = {self._known[id_] for id_ in ids if id_ in self._known} - {NO_INUM}
        found = {id_ for id_, inum in self._known.items() if inum in gone} if gone else set()
        return found.difference(ids)

    def _remove_unmentioned(self) -> None:
        """Prove first that the store and the journal share the same past."""
        unknown = self._unchanged - self._known.keys() - self._upserted.keys()
        if unknown:
            raise ContinuityLost(
                f"the source calls {len(unknown)} identities unchanged that are not in the journal"
            )
        gone = self._known.keys() - self._upserted.keys() - self._unchanged
        self._unchanged |= self._follower.present(gone)
        self._remove([*gone - self._unchanged])

    def _checkpoint(self, event: Checkpoint) -> None:
        if event.ends_snapshot:
            self._end_snapshot()
        self._batch.cookie = self._cookie = event.cookie
        self._is_ahead = False
        if event.ends_snapshot or self._follower.level != EXACT:
            self._batch.confirmed_at = self._asked_at
        if event.ends_snapshot:
            self._commit()
            self._forget_snapshot()
            self._writer.meter.swept("completed")
        elif not self._snapshot and (
            self._is_full() or monotonic() - self._began_at >= COMMIT_EVERY
        ):
            self._commit()  # there may be no quiet moment, and few who change all the time

    def _end_snapshot(self) -> None:
        for id_ in self._unchanged & self._removal_limit.held():
            self._batch.keep(id_)
        for identity in self._held_back.values():
            self._put(identity)
        self._batch.built = True

    def _forget_snapshot(self) -> None:
        if self._is_first:
            self._writer.note_inums(self._upserted)
            self._progress.finished()
            log.info("the first reading has ended; people: %d", len(self._upserted))
        self._snapshot, self._holds_back, self._held_back = None, False, {}
        self._known, self._upserted, self._unchanged, self._is_first = {}, {}, set(), False
        self._strangers = False

    def _heartbeat(self, pending: bool) -> None:
        """Write what there is; now and then, if it is nothing, that there is nothing newer."""
        if self._snapshot:
            self._writer.renew()
            return
        self._release()
        if self._batch != WriteBatch() or monotonic() - self._committed_at >= CONFIRM_EVERY:
            if self._follower.level == EXACT and not pending:
                self._batch.confirmed_at = self._asked_at
            self._commit()
            if self._writer.was_restored():
                raise ContinuityLost("the journal was restored, and clients know more than it")
        if not pending:
            self._asked_at = now()

    def _release(self) -> None:
        """Write the removals that were held back, and need not be any longer."""
        for batch in self._removal_limit.released().parts(MAX_BATCH):
            if batch.changes:
                self._written += self._writer.commit(batch)
        self._removal_limit.report()

    def _commit(self) -> None:
        """Write the batch.

        A cookie may tell how people were told: then it must not be older than what is written. Who
        changed meanwhile, was written, and is by now as before would be taken for as told.
        """
        batch, self._octets = self._batch, 0
        batch.strangers, batch.doubted = self._strangers, self._doubted(self._saved)
        if self._is_ahead:
            batch.cookie = self._doubted(self._cookie)
        self._batch = WriteBatch(repairs=self._repairs)
        self._removal_limit.apply(batch, self._held_back.values())
        for part in batch.parts(MAX_GROWTH * MAX_BATCH):
            self._written += self._writer.commit(part)
            if self._is_first and self._snapshot:
                self._progress.advanced(len(part.changes))
        self._saved = self._saved if batch.cookie is None else batch.cookie
        self._committed_at = self._began_at = monotonic()
        self._writer.meter.connected(True)
        self._removal_limit.report()

    def _doubted(self, cookie: str | None) -> str | None:
        return None if cookie is None else self._follower.doubted(cookie)
