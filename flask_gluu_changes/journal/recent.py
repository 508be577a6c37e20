"""The last commits of this process, of which a database that failed over may lack some.

Replicas lag, so the one that is promoted may not have the last commits, though clients were told
what is in them. The process that wrote them finds that out: it reads again what was lost, beginning
at the cookie that came with what is left, and tells again whoever was in a lost commit, with a
version above the lost one; also that somebody is gone of whom the journal knows nothing any more.
So a lost commit costs nothing but the tokens that name it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select

from ..errors import GluuChangesError
from ..follower import ContinuityLost
from .lost_commits import SETTLED
from .rows import Names
from .tables import COMMITS, UNKNOWN_COMMITS, JournalState, parts_of

MOST_IDS = 20_000
"""Ids that are remembered; replicas that lag by more changes are of no use for a failover."""

EPOCH_LOST = (
    "the journal lacks the epoch that was begun last: its database failed over to a replica that"
    " lagged, or it was restored"
)


class CommitsLost(GluuChangesError):
    """The database is not as this process left it: it failed over, or was restored."""


class Commit(NamedTuple):
    """What was written; people: inum and uid of all whose rows changed, by id."""

    epoch: str
    head: int
    id: str
    people: Mapping[str, Names]


class RecentCommits:
    """What this process wrote last, and what of it is missing.

    Attributes:
        lost: The commits that are missing, until they are settled.
        version: The highest version that was given out.
    """

    def __init__(self, most_ids: int = MOST_IDS) -> None:
        self._most_ids = most_ids
        self._commits: deque[Commit] = deque()
        self._ids = 0
        self._forgotten: Commit | None = None
        self._pending: Commit | None = None
        self._left: tuple[str, int, str] | None = None
        self.lost: list[Commit] = []
        self.version = 0

    def begin(self, commit: Commit | None, version: int) -> None:
        """Remember what is about to be committed: a database may do it and not say so.

        What was begun before was rolled back.
        """
        self._pending = commit
        self.version = max(self.version, version)

    def end(self) -> None:
        """Remember that it was committed, if there was anything."""
        if self._pending is None:
            return
        self._commits.append(self._pending)
        self._ids += len(self._pending.people)
        self._pending = None
        while self._ids > self._most_ids:
            self._forgotten = self._commits.popleft()
            self._ids -= len(self._forgotten.people)

    def left(self, epoch: str, head: int, cookie: str) -> None:
        """Remember how the journal was left, for the next `check`."""
        self._left = (epoch, head, cookie)

    def doubt(self) -> None:
        """Forget how it was left: another process may have written since."""
        self._left = None

    def check(self, state: JournalState) -> bool:
        """Return whether the journal is known to hold nothing but what this process left.

        Raises CommitsLost where it is behind that, and ContinuityLost where it is of another epoch.
        """
        if self._left is None:
            return False
        epoch, head, cookie = self._left
        if state.epoch != epoch:
            raise ContinuityLost(EPOCH_LOST)
        if state.head < head or (state.head == head and state.cookie != cookie):
            raise CommitsLost("the journal lacks what this process wrote; it is read again")
        return state.head == head

    def find_lost(self, connection: Connection, state: JournalState) -> None:
        """Find out which commits are missing.

        Raises ContinuityLost where more are missing than are remembered, or an epoch is.
        """
        pending = self._pending
        remembered = [self._forgotten, *self._commits, pending]
        missing = _missing(connection, [commit for commit in remembered if commit])
        if pending is not None and pending not in missing:
            self.end()
        if any(commit.epoch != state.epoch for commit in missing):
            raise ContinuityLost(EPOCH_LOST)
        if not state.built:  # nobody was told anything
            self.forget()
        elif self._forgotten in missing:
            raise ContinuityLost(
                "the journal lacks more of what was written than is remembered: its database failed"
                " over to a replica that lagged too far, or it was restored"
            )
        else:
            self.lost = missing

    def forget(self) -> None:
        """Forget everything: nobody can be told less than what comes now."""
        self._commits.clear()
        self._ids, self._forgotten, self._pending = 0, None, None
        self.lost, self._left = [], None

    def count_lost(self) -> int:
        """Return how many commits are missing that the database said it had."""
        return sum(commit is not self._pending for commit in self.lost)

    def lost_people(self) -> dict[str, Names]:
        """Return who was in a lost commit, as the last one has them."""
        return {id_: names for commit in self.lost for id_, names in commit.people.items()}

    def settle(self, connection: Connection) -> None:
        """Note that tokens of the lost commits show nothing that is not known."""
        names = [commit.id for commit in self.lost]
        for part in parts_of(names):
            connection.execute(delete(UNKNOWN_COMMITS).where(UNKNOWN_COMMITS.c.commit_id.in_(part)))
        rows = [{"commit_id": c.id, "seq": c.head, "epoch": SETTLED} for c in self.lost]
        connection.execute(insert(UNKNOWN_COMMITS), rows)

    def forget_lost(self) -> None:
        """Forget the lost commits, which are settled."""
        lost = {commit.id for commit in self.lost}
        self._commits = deque(commit for commit in self._commits if commit.id not in lost)
        self._ids = sum(len(commit.people) for commit in self._commits)
        self._pending, self.lost = None, []


def _missing(connection: Connection, commits: list[Commit]) -> list[Commit]:
    """Return those commits that are not there, and were not forgotten for their age."""
    oldest = connection.scalar(select(func.min(COMMITS.c.seq))) if commits else None
    found: set[str] = set()
    for part in parts_of([commit.head for commit in commits]):
        found.update(connection.scalars(select(COMMITS.c.commit_id).where(COMMITS.c.seq.in_(part))))
    return [c for c in commits if c.id not in found and oldest is not None and c.head > oldest]
