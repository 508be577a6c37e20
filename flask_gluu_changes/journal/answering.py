"""The state that each answer is read with, and the commits at its head and at a position."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from ..errors import BackendUnavailable
from .damage import MOST_SEQ, JournalDamaged
from .protocol import Position, ResyncRequired
from .tables import COMMITS, NOT_BUILT, STATE, not_followed
from .view import settings_digest_in

NO_COMMIT = (
    "the journal has no commit for its head; it was tampered with: stop `flask gluu-changes"
    " follow`, and run `flask gluu-changes new-epoch`"
)

NO_SEQ = -1
"""A seq that no commit has."""

_AT_HEAD, _AT_POSITION = COMMITS.alias("at_head"), COMMITS.alias("at_position")
ANSWERING_STATE = (
    select(*(STATE.c[name] for name in ("epoch", "head", "floor", "built", "source")))
    .add_columns(_AT_HEAD.c.commit_id, _AT_POSITION.c.commit_id)
    .outerjoin_from(STATE, _AT_HEAD, _AT_HEAD.c.seq == STATE.c.head)
    .outerjoin(_AT_POSITION, _AT_POSITION.c.seq == bindparam("until"))
)


class UnknownCommit(ResyncRequired):
    """A token names a commit that the journal does not have: it was restored, or has forgotten."""

    def __init__(self, position: Position) -> None:
        super().__init__("the journal has been restored or pruned since then")
        self.position = position


class AnsweringState(NamedTuple):
    """The journal's state, with the commit ids at its head and at a client's position."""

    epoch: str
    head: int
    floor: int
    built: bool
    source: bytes
    head_commit: str | None
    position_commit: str | None

    @classmethod
    def of(cls, rows: Sequence[Any]) -> AnsweringState:
        """Return the state of a journal that is built, by what `ANSWERING_STATE` selects."""
        if not rows:
            raise not_followed()
        state = cls(*rows[0])
        if not state.built:
            raise BackendUnavailable(
                "the journal is being built by `flask gluu-changes follow`", public=NOT_BUILT
            )
        check_head(state.epoch, state.head)
        return state

    @property
    def position(self) -> Position:
        """The position behind everything there is."""
        if self.head_commit is None:
            raise BackendUnavailable(NO_COMMIT)
        return Position(self.epoch, self.head, self.head, self.head_commit, removals=True)

    @property
    def settings_digest(self) -> str:
        """The settings that the journal is filled under."""
        return _settings_digest_of(bytes(self.source))

    def check_continuity(self, position: Position) -> None:
        """Raise ResyncRequired where nobody knows what came since a position."""
        if position.epoch != self.epoch:
            raise ResyncRequired("the journal has begun a new epoch")
        if position.removals and position.after < self.floor:
            raise ResyncRequired("removals since then have been forgotten")
        if self.position_commit != position.commit_id:
            raise UnknownCommit(position)


def check_head(epoch: object, head: object) -> None:
    """Raise JournalDamaged unless it is an epoch and a head, such as tokens hold."""
    if type(epoch) is not str or type(head) is not int or not 0 <= head <= MOST_SEQ:
        raise JournalDamaged("its head is none")


@lru_cache(16)  # for every poll it is the same
def _settings_digest_of(source: bytes) -> str:
    return settings_digest_in(source.decode("utf-8", "surrogatepass"))
