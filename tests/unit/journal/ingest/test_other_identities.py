"""A source whose ids are of another kind than before has to have the people still.

All that is known is forgotten then, so that nothing would hold back whose removal nobody meant.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from flask_gluu_changes import ChangesQuery, Entry
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.follower import (
    Checkpoint,
    Event,
    Follower,
    Heartbeat,
    SnapshotProgress,
    SnapshotStarted,
    StopSignal,
    Upserted,
)
from flask_gluu_changes.journal.ingest.other_identities import count_gone
from flask_gluu_changes.journal.ingest.service import run_ingest
from flask_gluu_changes.journal.tables import JournalState, open_engine
from flask_gluu_changes.journal.writer import Writer
from tests.support.stopping import Stop

BEGINS = "a new epoch begins: the journal was filled from another source"
BRAKES = "the source tells people apart by other ids than before, and too many are gone, {} of 30: "


def people(numbers: Collection[int]) -> list[Entry]:
    """Make people, told apart by inums."""
    return [{"inum": [f"i{number}"], "uid": [f"u{number}"]} for number in numbers]


class ByUuid(MemoryBackend):
    """People told apart by other ids, such as entryUUID; counts how often all are read."""

    source, level, why = "uuid by a test", "exact", ""
    readings = 0

    def follower(self, query: ChangesQuery) -> Follower:
        return self

    def events(self, cookie: str, stop: StopSignal) -> Iterator[Event]:
        """Tell everybody, then nothing."""
        if not cookie:
            yield SnapshotStarted(complete=True)
            yield from self.read()
            yield Checkpoint("c", ends_snapshot=True)
        yield Heartbeat()
        stop.wait(0)

    def read(self, ids: Collection[str] | None = None) -> Iterator[Upserted]:
        """Show everybody."""
        self.readings += 1
        for entry in self.entries:
            yield Upserted(f"uuid of {entry['uid'][0]!r}", entry)

    def doubted(self, cookie: str) -> str:
        """Leave it."""
        return cookie

    def present(self, ids: Any) -> set[str]:
        """Name nobody."""
        return set()

    def outside(self, ids: Any) -> set[str]:
        """Name nobody."""
        return set()

    def count(self) -> int | None:
        """Leave it open."""
        return None


class World:
    """A journal in a file, followed by one source after the other."""

    def __init__(self, folder: Path) -> None:
        self._url = f"sqlite:///{folder}/journal.db"

    def follow(self, backend: MemoryBackend, *, waits: int = 3, **settings: object) -> None:
        """Follow a source for a while."""
        config = {"JOURNAL_URL": self._url, "FOLLOW_INTERVAL": 0.01, **settings}
        config = {f"GLUU_CHANGES_{name}": value for name, value in config.items()}
        run_ingest(config, backend, Stop(waits), SnapshotProgress())

    def look(self) -> tuple[JournalState, set[str]]:
        """Return the state, and the inums of all who are there."""
        engine = open_engine(self._url)
        writer = Writer(engine)
        found = writer.state(), {*writer.inums().values()}
        engine.dispose()
        return found


@pytest.fixture
def world(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> World:
    """A journal with thirty people, by uuid."""
    caplog.set_level(logging.INFO)
    made = World(tmp_path)
    made.follow(ByUuid(people(range(30))))
    caplog.clear()
    return made


@pytest.mark.parametrize("left", [0, 1, 19])
def test_nothing_is_forgotten_while_too_many_are_gone(
    world: World, left: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The journal stays as it is, and served; once they are there a new epoch begins."""
    before = world.look()
    world.follow(MemoryBackend(people(range(left))))
    state, inums = world.look()
    assert (state.epoch, state.built, inums) == (before[0].epoch, True, before[1])
    (said,) = [line for line in caplog.messages if "waiting for it since" in line]
    assert said.startswith(BRAKES.format(30 - left))
    assert "GLUU_CHANGES_FOLLOW_MAX_REMOVALS=1" in said
    assert BEGINS not in caplog.text
    world.follow(MemoryBackend(people(range(30))))
    state, inums = world.look()
    assert (state.built, inums) == (True, before[1])
    assert state.epoch != before[0].epoch
    assert BEGINS in caplog.text


@pytest.mark.parametrize("left", [20, 29, 30, 31])
def test_few_may_be_gone(world: World, left: int, caplog: pytest.LogCaptureFixture) -> None:
    """As many as may be removed at once, ten in any case."""
    world.follow(MemoryBackend(people(range(left))))
    state, inums = world.look()
    assert (state.built, len(inums)) == (True, left)
    assert BEGINS in caplog.text


def test_other_people_do_not_take_their_place(world: World) -> None:
    """As many as before, under other inums: a base was replaced."""
    before = world.look()
    world.follow(MemoryBackend(people(range(100, 130))))
    assert world.look()[1] == before[1]


def test_without_inums_people_are_counted(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Where settings hide them there is nothing else to compare."""
    world.follow(MemoryBackend(people(range(100, 119))), DENIED_ATTRIBUTES="inum")
    assert BRAKES.format(11) in caplog.text
    world.follow(MemoryBackend(people(range(100, 130))), DENIED_ATTRIBUTES="inum")
    state, inums = world.look()
    assert (state.built, inums) == (True, {""})


def test_an_operator_lets_them_go(world: World) -> None:
    """By the setting with which nothing is held back."""
    world.follow(MemoryBackend([]), FOLLOW_MAX_REMOVALS=1)
    state, inums = world.look()
    assert (state.built, inums) == (True, set())


def test_everybody_is_read_once_a_minute(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """However often `follow` tries, and in either direction."""
    world.follow(MemoryBackend(people(range(30))))
    source = ByUuid(people(range(3)))
    world.follow(source, waits=8)
    assert source.readings == 1
    assert BRAKES.format(27) in caplog.text


@pytest.mark.parametrize(
    ("known", "found", "gone"),
    [
        ([], [], 0),
        (["a", "b"], ["b", "c"], 1),
        (["a", "b"], [], 2),
        (["a", "b"], ["", ""], 0),
        (["", "", ""], ["a"], 2),
        (["a", "", ""], ["a", ""], 1),
        (["a", ""], ["b", "", ""], 1),
    ],
)
def test_who_is_gone(known: list[str], found: list[str], gone: int) -> None:
    """By inum, and by number where there is none."""
    assert count_gone(known, found) == gone
