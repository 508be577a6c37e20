"""What the doctor says of the replica that is read from: whether it is one, and how late it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from ..model import Finding
from .damage import NONSENSE
from .examine import LATE
from .failures import first_line
from .lease import SECOND
from .tables import COMMITS, now

_LAST = select(COMMITS.c.seq, COMMITS.c.commit_id).order_by(COMMITS.c.seq.desc()).limit(1)


class _Comparison(NamedTuple):
    """What a primary says of a commit: whether it has it, and what came behind it since when."""

    is_known: bool
    behind: int
    since: int


def examine_replica(primary: Engine, replica: Engine) -> Iterator[Finding]:
    """Compare a replica with its primary, of which nothing is said here."""
    try:
        with replica.connect() as connection:
            last = connection.execute(_LAST).first()
    except (SQLAlchemyError, *NONSENSE) as error:
        yield Finding.fault(
            f"the journal's replica cannot be read, so its primary answers everything:"
            f" {first_line(error)}",
            "start it, or correct GLUU_CHANGES_JOURNAL_READ_URL",
        )
        return
    try:
        yield _of(_compare(primary, last))
    except (SQLAlchemyError, *NONSENSE):
        return  # which the examination of the journal tells


def _compare(primary: Engine, last: Any) -> _Comparison:
    seq, commit_id = last or (-1, "")
    known = select(COMMITS.c.commit_id).where(COMMITS.c.seq == seq)
    newer = select(func.max(COMMITS.c.seq), func.min(COMMITS.c.at)).where(COMMITS.c.seq > seq)
    with primary.connect() as connection:
        is_known = connection.scalar(known) == commit_id
        head, since = connection.execute(newer).one()
    return _Comparison(is_known, (head or seq) - seq, since or 0)


def _of(found: _Comparison) -> Finding:
    if not found.is_known:
        return Finding.fault(
            "GLUU_CHANGES_JOURNAL_READ_URL leads to another journal than GLUU_CHANGES_JOURNAL_URL,"
            " or to a replica that follows another server than the primary of now",
            "let GLUU_CHANGES_JOURNAL_READ_URL name a replica of that database; until then status"
            " and the time stamp form tell what it holds",
        )
    late = (now() - found.since) // SECOND if found.behind else 0
    if late > LATE:
        return Finding.warning(
            f"the journal's replica lags by {late} s and {found.behind} changes, so the primary"
            " answers most clients",
            "have it catch up (PostgreSQL: pg_stat_replication on the primary shows how far it is),"
            " or take out GLUU_CHANGES_JOURNAL_READ_URL",
        )
    return Finding.ok("the journal's replica follows it")
