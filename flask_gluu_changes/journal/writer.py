"""Writing the journal: by one process at a time, each batch in one transaction.

A lease in the database says who writes. Every transaction checks it, so that a writer whose lease
was taken over cannot write any more, however late it wakes. Writes that change nothing end here,
and what the database does not take is set aside, entry by entry.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace

from sqlalchemy import (
    Connection,
    Engine,
    delete,
    select,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError

from ..follower import ContinuityLost, FollowMeter
from .advance import advance, highest_seq, names_in
from .batch import WriteBatch as WriteBatch
from .damage import JournalDamaged, damage_told
from .failures import JournalUnavailable, journal_errors, reason_of, refuses_values, repeated
from .files import forget_overwritten
from .held import Held, HeldRemovals, confirmed_removals, exceeds, forget_held
from .inum_owners import NO_INUM, InumOwners
from .layout import create
from .lease import SECOND as SECOND
from .lease import Lease
from .lease import LeaseLost as LeaseLost
from .lost_commits import LOST_COMMITS
from .quarantine import Quarantine, Unwritable, forget_quarantined
from .recent import Commit, RecentCommits
from .recent import CommitsLost as CommitsLost
from .records import Identity
from .rows import (
    RowChange,
    Stamp,
    count_removals,
    delete_entries,
    known_rows,
    row_changes,
    with_true_head,
    write_rows,
)
from .tables import (
    COMMITS,
    ENTRIES,
    STATE,
    UNKNOWN_COMMITS,
    JournalState,
    new_epoch,
    read_state,
    writer_engine,
)
from .untold import Hide, hide_in_untold
from .view import are_other_identities

DELETED, OUT_OF_SCOPE = "deleted", "outOfScope"
"""Why an identity is removed."""

EXACT, LAGGING = "exact", "lagging"
"""How a source is followed."""


class Writer:
    """The holder of the lease. Its methods raise LeaseLost when it no longer is.

    All raise JournalUnavailable while the database cannot be used, and `commit` raises CommitsLost
    where the journal is not as it was left. seconds: how long the lease lasts without being
    renewed; every commit renews it. meter: is told what was written. hide: leaves out what settings
    hide by now of who is not told anew in an epoch.
    """

    def __init__(self, engine: Engine, *, seconds: float = 15.0) -> None:
        self._reading = engine
        self._engine = writer_engine(engine)
        self._lease = Lease(engine, seconds)
        self._quarantine = Quarantine()
        self._held = HeldRemovals()
        self._inum_owners = InumOwners()
        self._recent = RecentCommits()
        self._created = False
        self.meter = FollowMeter()
        self.hide: Hide | None = None

    @property
    def name(self) -> str:
        """The name by which the journal knows this writer."""
        return self._lease.name

    @name.setter
    def name(self, name: str) -> None:
        self._lease.name = name

    @repeated
    def acquire(self, *, by_force: bool = False) -> bool:
        """Take the lease if nobody holds it, or by force; False while somebody does."""
        self._quarantine.reset()
        self._held.reset()
        self._recent.doubt()
        try:
            with journal_errors():
                if not self._created:
                    create(self._reading)
                    self._created = True
                return self._lease.take(by_force=by_force)
        except JournalUnavailable:
            self._created = False  # it may come back without its tables
            raise

    def doubt(self) -> None:
        """Have the next `acquire` make sure that all tables are there."""
        self._created = False

    @repeated
    def renew(self) -> None:
        """Renew the lease without writing anything."""
        with self._transaction():
            pass

    def lease_kept(self) -> AbstractContextManager[None]:
        """Keep the lease also while nothing is written, for half an hour at the most."""
        return self._lease.kept()

    @repeated
    def release(self) -> None:
        """Release the lease, so that another can take it at once."""
        with journal_errors():
            self._lease.release()

    def state(self) -> JournalState:
        """Read the journal's state."""
        with journal_errors(), self._engine.begin() as connection:
            return read_state(connection)

    def inums(self) -> dict[str, str]:
        """Return the inum of every identity that is not removed, by its id.

        Those that could not be written are among them.
        """
        with journal_errors(), self._engine.begin() as connection:
            entries = select(ENTRIES.c.id, ENTRIES.c.inum).where(ENTRIES.c.removed.is_(None))
            inums = dict.fromkeys(self._quarantine.ids(connection), "")
            inums.update((row.id, row.inum) for row in connection.execute(entries))
        self.note_inums(inums)
        return inums

    def note_inums(self, inums: Mapping[str, str]) -> None:
        """Take note of everybody's inum, by id, as another writer left it or the source told it.

        While people are read one may be renamed, and another one with the same inum read after.
        """
        self._inum_owners.note_shared(inums)

    def held(self) -> Mapping[str, Held]:
        """Return the removals that are held back, by id."""
        if self._held.known is not None:
            return self._held.known
        with journal_errors(), self._engine.begin() as connection:
            return self._held.load(connection)

    def to_hold(
        self, removals: Collection[str], coming: Collection[str], share: float
    ) -> dict[str, str]:
        """Return those of some removals that are to be held back; inums by id.

        coming: inums that are added with them. share: of all people that may go in a short time.
        """
        with journal_errors(), self._engine.begin() as connection:
            known = known_rows(connection, [*removals])
            gone = {id_: row["inum"] for id_, row in known.items() if row["removed"] is None}
            return self._held.choose(connection, gone, coming, share)

    def exceeds(self, removals: int, share: float) -> bool:
        """Return whether so many removals are too many."""
        with journal_errors(), self._engine.begin() as connection:
            return exceeds(connection, removals, share)

    def released(self, *, settled: bool, share: float) -> dict[str, str]:
        """Return the removals that are no longer held back; reasons by id.

        settled: whether those who came back did so a while ago. The others may go where they are
        no longer too many.
        """
        with journal_errors(), self._engine.begin() as connection:
            held = self._held.load(connection)
            if settled and not exceeds(connection, len(held), share):
                return {id_: removal.reason for id_, removal in held.items()}
            return confirmed_removals(connection)

    def resume(self) -> str:
        """Return the cookie from which to go on; what is committed must come after it.

        Raises ContinuityLost where rows lie behind the head: the next ones would meet them.
        """
        with journal_errors(), self._engine.begin() as connection:
            state = read_state(connection)
            if with_true_head(connection, state) != state:
                raise ContinuityLost("the journal holds rows behind its head, which nobody wrote")
        self._recent.left(state.epoch, state.head, state.cookie)
        return state.cookie

    def find_lost(self) -> int:
        """Find out which of the last commits are missing; return how many the database had.

        Raises ContinuityLost where more are missing than are remembered.
        """
        with journal_errors(), self._reading.begin() as connection:
            self._recent.find_lost(connection, read_state(connection))
        return self._recent.count_lost()

    def lost_ids(self) -> set[str]:
        """Return who was in a commit that is missing, and has not been told again."""
        return {*self._recent.lost_people()}

    def with_inums_of(self, ids: Collection[str]) -> set[str]:
        """Return who has an inum that some others have, or had when they were removed or lost."""
        lost = self._recent.lost_people()
        with journal_errors(), self._engine.begin() as connection:
            gone = {row["inum"] for row in known_rows(connection, [*ids]).values()}
            gone |= {lost[id_].inum for id_ in ids if id_ in lost}
            gone -= {NO_INUM}
            entries = select(ENTRIES.c.id, ENTRIES.c.inum).where(ENTRIES.c.removed.is_(None))
            found = connection.execute(entries) if gone else ()
            return {row.id for row in found if row.inum in gone}.difference(ids)

    @repeated
    def settle_lost(self) -> None:
        """Note that everybody was told again who was in a missing commit."""
        while self._recent.lost:
            with suppress(IntegrityError):  # a node notes one of them at the same moment
                with self._transaction(writes=True) as connection:
                    self._recent.settle(connection)
                self._recent.forget_lost()

    def was_restored(self) -> bool:
        """Return whether a client knows a commit of this epoch that is lost, and is not settled."""
        if self._recent.lost:
            return False
        with journal_errors(), self._reading.begin() as connection:
            return connection.execute(LOST_COMMITS).first() is not None

    def largest_entry(self) -> int | None:
        """Return how many octets the JSON of an entry may have here; None for no limit."""
        with journal_errors(), self._engine.begin() as connection:
            return self._quarantine.largest_entry(connection)

    @repeated
    def follow(self, source: str, level: str, why: str) -> None:
        """Note what is followed and how; another source than before begins a new epoch.

        The first word of a source tells what its identities are. Where they are others than
        before, all that is known is forgotten: it would be removed under the people's own inums.
        """
        before = self.state().source
        if before not in {"", source}:
            self.begin_epoch(forget=are_other_identities(before, source))
        with self._transaction() as connection:
            connection.execute(update(STATE).values(source=source, level=level, why=why))

    @repeated
    def begin_epoch(self, *, forget: bool = False) -> None:
        """Begin a new epoch, because continuity cannot be proven: every token becomes void.

        What is known stays, unless it is to be forgotten; the next reading of the source corrects
        it, and gives everybody a new version.
        """
        with self._transaction() as connection:
            head = with_true_head(connection, read_state(connection)).head
            fresh = {"epoch": new_epoch(), "head": head, "floor": head, "built": False}
            connection.execute(update(STATE).values(cookie="", **fresh))
            connection.execute(delete(UNKNOWN_COMMITS))
            if forget:
                delete_entries(connection, true())
                forget_quarantined(connection)
                forget_held(connection)
        self._recent.forget()
        self._quarantine.reset()
        self._held.reset()

    def commit(self, batch: WriteBatch) -> int:
        """Write a batch; return the number of identities that changed.

        All of it is written or nothing, except for entries that the database does not take: they
        are set aside, and the batch is written in parts.
        """
        try:
            return self._commit_whole(batch)
        except Exception as error:
            if not refuses_values(error):
                raise
            return self._commit_apart(batch, error)

    @repeated
    def _commit_whole(self, batch: WriteBatch) -> int:
        with self._transaction(writes=True) as connection:
            with damage_told():
                state, stamp, changes = self._compare(connection, batch)
            # before everybody was read nobody is told anything
            written = names_in(changes) if state.built else {}
            write_rows(connection, changes)
            if self.hide and batch.built and not state.built:
                hide_in_untold(connection, state.floor, self.hide)
            held = self._held.write(connection, batch.changes, stamp.at)
            ids = self._quarantine.write(connection, batch.told())
            if held:  # the journal does not hold what the source does
                batch = replace(batch, confirmed_at=None)
            left = advance(connection, state, batch, len(changes), stamp)
            commit = Commit(state.epoch, left.head, left.commit, written)
            self._recent.begin(commit if changes else None, stamp.version)
        self._recent.end()
        self._recent.left(state.epoch, left.head, left.cookie)
        self._held.note(held)
        self._quarantine.note(ids, batch.changes)
        self.meter.written(len(changes), count_removals(changes), batch.confirmed_at)
        return len(changes)

    def _compare(
        self, connection: Connection, batch: WriteBatch
    ) -> tuple[JournalState, Stamp, list[RowChange]]:
        """Return the state, and by what a batch changes it; nothing is written yet."""
        state = read_state(connection)
        batch.strangers &= self._recent.check(state)
        self._held.sift(connection, batch.changes)
        self._quarantine.sift(connection, batch.changes)
        stamp = Stamp.after(state, self._recent.version)
        if batch.repairs:
            state = with_true_head(connection, state)
        changes = row_changes(connection, batch, state, stamp, self._recent.lost_people())
        if state.built:  # else there is no client to see anything
            changes += self._inum_owners.told_again(connection, changes, batch.again, stamp)
        return state, stamp, changes

    def _commit_apart(self, batch: WriteBatch, error: Exception) -> int:
        """Find the entries that the database does not take, by halves, and set them aside."""
        if len(batch.changes) > 1:
            first, second = batch.halves()
            return self.commit(first) + self.commit(second)
        for id_, change in batch.changes.items():
            if isinstance(change, Identity):
                set_aside = {id_: Unwritable(reason_of(error))}
                return self.commit(replace(batch, changes={**set_aside}))
        raise JournalDamaged(f"it takes no removal any more ({reason_of(error)})") from error

    @repeated
    def prune(self, before: int) -> None:
        """Forget removals and commits from before a time; tokens that need them get a 410."""
        old = ENTRIES.c.removed_at < before
        with self._transaction() as connection:
            highest = connection.scalar(highest_seq(ENTRIES.c.seq, old))
            if highest is not None:
                delete_entries(connection, old)
                floor = max(highest, read_state(connection).floor)
                connection.execute(update(STATE).values(floor=floor))
            last = connection.scalar(highest_seq(COMMITS.c.seq, COMMITS.c.at < before))
            if last is not None:  # it stays: until the next commit, tokens were issued at it
                for table in (COMMITS, UNKNOWN_COMMITS):
                    connection.execute(delete(table).where(table.c.seq < last))
        if self._engine.dialect.name == "sqlite":
            with journal_errors():
                forget_overwritten(self._engine)

    @contextmanager
    def _transaction(self, *, writes: bool = False) -> Iterator[Connection]:
        """Begin a transaction that holds the state's row, if the lease is still ours."""
        transaction = self._lease.transaction(self._engine)
        with journal_errors(writes=writes), transaction as connection:
            yield connection
