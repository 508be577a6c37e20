"""Commits that clients know and the journal does not: it was restored, or failed over.

Their tokens are the only trace of that. Whoever serves the journal notes them, and whoever fills it
tells again whom clients may know otherwise. Until then nobody begins to read everybody: what is
there is older than what some clients have.
"""

from __future__ import annotations

import logging

from sqlalchemy import Engine, and_, func, insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from ..errors import BackendUnavailable
from .damage import NONSENSE
from .failures import JournalUnavailable, journal_errors, repeated
from .protocol import Position
from .tables import COMMITS, STATE, UNKNOWN_COMMITS

log = logging.getLogger(__name__)

SETTLED = ""
"""In place of the epoch of an unknown commit: whoever was in it has been told again."""

IS_CORRECTED = "The journal is being corrected. Try again later."

LOST_COMMITS = (
    select(UNKNOWN_COMMITS.c.commit_id)
    .join(STATE, STATE.c.epoch == UNKNOWN_COMMITS.c.epoch)
    .outerjoin(
        COMMITS,
        and_(
            COMMITS.c.seq == UNKNOWN_COMMITS.c.seq,
            COMMITS.c.commit_id == UNKNOWN_COMMITS.c.commit_id,
        ),
    )
    .where(COMMITS.c.seq.is_(None))
)
"""The commits of this epoch that are not there.

A node whose replica of the database lags may have noted one that is there by now.
"""


def note_unknown(engine: Engine, position: Position) -> None:
    """Note the commit that a position names, unless it may have been forgotten for its age."""
    try:
        _note(engine, position)
    except IntegrityError:
        pass  # it was noted before
    except (JournalUnavailable, SQLAlchemyError, engine.dialect.loaded_dbapi.Error, *NONSENSE):
        log.warning(
            "a client knows of changes that the journal does not, and this cannot be noted in"
            " it; if it was restored, run `flask gluu-changes new-epoch`"
        )


@repeated
def _note(engine: Engine, position: Position) -> None:
    row = {"epoch": position.epoch, "seq": position.until, "commit_id": position.commit_id}
    with journal_errors(writes=True), engine.begin() as connection:
        oldest = connection.scalar(select(func.min(COMMITS.c.seq)))
        if oldest is not None and oldest < position.until:
            connection.execute(insert(UNKNOWN_COMMITS).values(row))


def being_corrected() -> BackendUnavailable:
    """Return what to raise for a full run meanwhile."""
    return BackendUnavailable(
        "clients know of changes that the journal has lost, so nobody reads everybody until"
        " `flask gluu-changes follow` has told them again",
        public=IS_CORRECTED,
    )
