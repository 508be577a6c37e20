"""`confirmedAt` is never later than a change that is not in the journal yet."""

from __future__ import annotations

import pytest

from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.follower import (
    Checkpoint,
    DeleteUnmentioned,
    Heartbeat,
    SnapshotProgress,
    SnapshotStarted,
    Upserted,
)
from flask_gluu_changes.journal.ingest import ingester as module
from flask_gluu_changes.journal.ingest.ingester import Ingester
from flask_gluu_changes.journal.ingest.polling import PollingFollower
from flask_gluu_changes.journal.ingest.removal_limit import ALL, RemovalLimit
from flask_gluu_changes.journal.records import EVERYTHING_SINCE, IdentityEncoder
from flask_gluu_changes.journal.tables import now
from flask_gluu_changes.journal.writer import EXACT, LAGGING
from flask_gluu_changes.model import ChangesQuery
from flask_gluu_changes.settings.journal import FollowSettings
from flask_gluu_changes.visibility import Visibility
from tests.support.journals import Journal

PERSON = Upserted("a", {"inum": ["a"], "uid": ["a"]})


def ingester(journal: Journal, level: str) -> Ingester:
    """Take events into a journal."""
    follower = PollingFollower(
        MemoryBackend(), ChangesQuery(EVERYTHING_SINCE), FollowSettings(), "a test"
    )
    follower.level = level
    encoder = IdentityEncoder((), lambda _: None, Visibility.of())
    removal_limit = RemovalLimit(journal.writer, ALL)
    return Ingester(journal.writer, encoder, follower, SnapshotProgress(), removal_limit)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BATCH", 1)
    monkeypatch.setattr(module, "CONFIRM_EVERY", 0.0)


def confirmed(journal: Journal) -> int:
    """Read what the journal says."""
    return journal.writer.state().confirmed_at


@pytest.mark.parametrize("level", [EXACT, LAGGING])
def test_commits_on_the_way_confirm_nothing(journal: Journal, level: str) -> None:
    """In a reading of everybody, and in one of some people."""
    taken = ingester(journal, level)
    before = now()
    taken.handle(SnapshotStarted(complete=True))
    taken.handle(PERSON)
    taken.handle(Heartbeat())
    assert confirmed(journal) == 0
    taken.handle(DeleteUnmentioned())
    taken.handle(Checkpoint("c", ends_snapshot=True))
    assert 0 < confirmed(journal) <= before
    first = confirmed(journal)
    for event in (PERSON, Upserted("b", {"inum": ["b"], "uid": ["b"]})):
        taken.handle(event)
    assert confirmed(journal) == first


def test_an_exact_follower_that_is_idle_confirms_the_moment_before(journal: Journal) -> None:
    """What was written since may be on its way."""
    taken = ingester(journal, EXACT)
    taken.handle(Heartbeat())
    between = now()
    taken.handle(Heartbeat())
    assert 0 < confirmed(journal) <= between
    taken.handle(Heartbeat())
    assert confirmed(journal) >= between


def test_a_polling_follower_that_pauses_confirms_nothing(journal: Journal) -> None:
    """Only what was asked for after a moment says that nothing is newer."""
    taken = ingester(journal, LAGGING)
    taken.handle(Checkpoint("1"))
    taken.handle(Heartbeat())
    first = confirmed(journal)
    for _ in range(3):
        taken.handle(Heartbeat())
    assert 0 < first == confirmed(journal)
    asked = now()
    taken.handle(Checkpoint("2"))
    taken.handle(Heartbeat())
    assert first < confirmed(journal) <= asked
