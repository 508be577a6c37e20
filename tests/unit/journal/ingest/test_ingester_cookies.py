"""The cookie that is saved never tells of less than was written, as if that had not been told."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from flask_gluu_changes.follower import (
    Checkpoint,
    Deleted,
    DeleteUnmentioned,
    Event,
    Heartbeat,
    SnapshotStarted,
    Upserted,
)
from flask_gluu_changes.journal.batch import WriteBatch
from flask_gluu_changes.journal.ingest import ingester as module
from flask_gluu_changes.journal.writer import Writer
from flask_gluu_changes.model import Entry
from tests.support.world import copy_of, put_back

from .ingesting import World, seen

ODD: Entry = {"inum": None}  # type: ignore[dict-item]
END = Checkpoint("c", ends_snapshot=True)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """An ingester that goes on from the cookie `k`, with small batches, on a clock that stands."""
    monkeypatch.setattr(module, "monotonic", lambda: 1000.0)
    monkeypatch.setattr(module, "MAX_BATCH", 2)
    world = World()
    world.tell(Checkpoint("k"), Heartbeat())
    assert world.ingester.resume() == "k"
    return world


def cookies(*batches: tuple[object, str | None, object]) -> list[str | None]:
    """Give the cookie of each batch."""
    return [cookie for _, cookie, _ in batches]


def test_what_is_written_within_a_listing_has_a_doubted_cookie(world: World) -> None:
    """Until its end, whose cookie tells of all."""
    started = SnapshotStarted(complete=False)
    told = world.tell(started, *map(seen, "abcde"), DeleteUnmentioned(), END)
    assert cookies(*told) == ["k?", "k?", "c"]


def test_a_listing_of_few_is_written_with_its_cookie(world: World) -> None:
    """And nothing is in doubt."""
    told = world.tell(SnapshotStarted(complete=False), seen("a"), DeleteUnmentioned(), END)
    assert cookies(*told) == ["c"]


@pytest.mark.parametrize("event", [seen("b"), Upserted("b", ODD), Deleted(["b"])])
def test_what_comes_behind_a_cookie_is_in_doubt(world: World, event: Event) -> None:
    """Whatever it is, it may be written before the next one."""
    told = world.tell(seen("a"), Checkpoint("c1"), event, Heartbeat())
    assert cookies(*told) == ["c1?"]
    assert cookies(*world.tell(Checkpoint("c2"), Heartbeat())) == ["c2"]


def test_nothing_behind_a_cookie_is_no_doubt(world: World) -> None:
    """Neither quiet moments nor removals of nobody."""
    assert cookies(*world.tell(Checkpoint("c1"), Deleted([]), Heartbeat())) == ["c1"]


def test_a_batch_that_is_parted_has_its_cookie_last(world: World) -> None:
    """The parts before leave the one that was saved, in doubt."""
    told = world.tell(Deleted([*"abcdefghij"]), Checkpoint("c1"), Heartbeat())
    assert cookies(*told) == ["k?", "k?", "k?", "c1"]
    batch = WriteBatch("c1", doubted="k?")
    for id_ in "abc":
        batch.remove(id_, "deleted")
    assert [part.cookie for part in batch.parts(2)] == ["k?", "c1"]
    assert [part.cookie for part in batch.halves()] == ["k?", "c1"]


def test_who_was_in_a_lost_commit_is_told_again_in_doubt(world: World) -> None:
    """The cookie that is left tells of an older state."""
    engine = world.journal.engine
    copy = copy_of(engine)
    world.tell(seen("a"), Checkpoint("c1"), Heartbeat())
    put_back(engine, copy)
    assert world.writer.acquire(by_force=True)
    assert world.writer.find_lost() == 1
    before = len(world.writer.batches)
    world.ingester.tell_lost_again()
    assert cookies(*world.writer.batches[before:]) == ["k?"]


@pytest.mark.parametrize("seed", range(40))
def test_a_cookie_without_doubt_is_that_of_what_is_written(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each transaction: it tells of no more and of no less."""
    chance = random.Random(seed)
    monkeypatch.setattr(module, "MAX_BATCH", chance.choice([1, 2, 3]))
    history = History(chance)
    commit = Writer._commit_whole

    def compare(self: Writer, batch: WriteBatch) -> int:
        written = commit(self, batch)
        history.compare()
        return written

    monkeypatch.setattr(Writer, "_commit_whole", compare)
    for _ in range(60):
        chance.choice(history.steps)()


class History:
    """People who come, change and go, in listings and between them."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._told: dict[str, str] = {}
        self._claims: dict[str, dict[str, str]] = {}
        self.world = World()
        self.world.ingester.resume()
        self.steps: list[Callable[[], None]] = [
            self._change,
            self._change,
            self._remove,
            self._save,
            self._rest,
            self._list,
        ]

    def compare(self) -> None:
        """Compare what is written with what the cookie tells of, unless it is in doubt."""
        cookie = self.world.state().cookie
        if cookie and not cookie.endswith("?"):
            assert self.world.journal.writer.inums() == self._claims[cookie]

    def _change(self) -> None:
        id_ = self._chance.choice("abcdefgh")
        self._told[id_] = f"{id_}{self._chance.randrange(99)}"
        self.world.tell(seen(id_, self._told[id_]))

    def _remove(self) -> None:
        gone = self._chance.sample("abcdefgh", self._chance.randrange(1, 6))
        for id_ in gone:
            self._told.pop(id_, None)
        self.world.tell(Deleted(gone))

    def _save(self, *, ends_snapshot: bool = False) -> None:
        cookie = f"c{len(self._claims)}"
        self._claims[cookie] = self._told.copy()
        self.world.tell(Checkpoint(cookie, ends_snapshot))

    def _rest(self) -> None:
        self._save()
        self.world.tell(Heartbeat())

    def _list(self) -> None:
        self._save()
        self.world.tell(SnapshotStarted(complete=True))
        for id_ in self._chance.sample("abcdefgh", self._chance.randrange(0, 6)):
            self._told[id_] = f"{id_}{self._chance.randrange(99)}"
        self.world.tell(*(seen(*each) for each in self._told.items()), DeleteUnmentioned())
        self._save(ends_snapshot=True)
