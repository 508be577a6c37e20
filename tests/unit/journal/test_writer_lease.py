"""The lease: one process at a time writes, for some seconds since it last did."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from flask_gluu_changes.journal import lease as module
from flask_gluu_changes.journal.tables import ENTRIES, STATE, now
from flask_gluu_changes.journal.writer import LeaseLost, WriteBatch, Writer
from tests.support.journals import Journal, memory_engine

LATE = 2**62


@pytest.fixture
def journal() -> Journal:
    """An empty journal, built."""
    return Journal(memory_engine())


def _set(journal: Journal, **values: Any) -> None:
    with journal.engine.begin() as connection:
        connection.execute(update(STATE).values(values))


def _lines(journal: Journal) -> list[bytes]:
    with journal.engine.begin() as connection:
        return [*connection.scalars(select(ENTRIES.c.line).order_by(ENTRIES.c.seq))]


def test_the_lease_is_for_one(journal: Journal) -> None:
    """Its holder may take it again, and others when it is over or given back."""
    other = Writer(journal.engine)
    assert journal.writer.name != other.name
    assert not other.acquire()
    assert journal.writer.acquire()
    journal.writer.release()
    state = journal.writer.state()
    assert (state.holder, state.held_until) == ("", 0)
    assert other.acquire()
    assert not journal.writer.acquire()
    _set(journal, held_until=now() - 1)
    assert journal.writer.acquire()
    assert journal.writer.state().holder == journal.writer.name


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> int:
    """A moment in which time stands still."""
    moment = now()
    monkeypatch.setattr(module, "now", lambda: moment)
    return moment


@pytest.mark.parametrize(("options", "micros"), [({}, 15_000_000), ({"seconds": 2.5}, 2_500_000)])
def test_a_lease_lasts_for_so_long(
    journal: Journal, still: int, options: dict[str, float], micros: int
) -> None:
    """Every step renews it."""
    journal.writer.release()
    writer = Writer(journal.engine, **options)
    steps: list[Any] = [
        writer.acquire,
        writer.renew,
        lambda: writer.commit(WriteBatch()),
        lambda: writer.follow("s", "exact", ""),
        lambda: writer.begin_epoch(),
        lambda: writer.prune(0),
    ]
    for step in steps:
        step()
        assert writer.state().held_until == still + micros
        _set(journal, held_until=0)


def test_a_lease_is_over_behind_its_last_microsecond(journal: Journal, still: int) -> None:
    """Unless nobody holds it: then its time does not matter."""
    other = Writer(journal.engine)
    _set(journal, held_until=still)
    assert not other.acquire()
    _set(journal, held_until=still - 1)
    assert other.acquire()
    _set(journal, holder="", held_until=LATE)
    assert journal.writer.acquire()


def test_only_its_holder_gives_a_lease_back(journal: Journal) -> None:
    """A late release takes it from nobody."""
    Writer(journal.engine).release()
    assert journal.writer.state().holder == journal.writer.name


def test_who_lost_the_lease_writes_nothing(journal: Journal) -> None:
    """However late it wakes."""
    journal.put("a")
    journal.writer.follow("src", "exact", "why")
    _set(journal, holder="another", held_until=LATE)
    before, lines = journal.writer.state(), _lines(journal)
    steps: list[Any] = [
        journal.writer.renew,
        lambda: journal.put("b"),
        lambda: journal.writer.follow("src", "lagging", "x"),
        lambda: journal.writer.follow("dst", "exact", "why"),
        journal.writer.begin_epoch,
        lambda: journal.writer.prune(LATE),
    ]
    for step in steps:
        with pytest.raises(LeaseLost) as caught:
            step()
        assert (
            str(caught.value)
            == "another process took the lease of the journal; this one waits to take over"
        )
    assert (journal.writer.state(), _lines(journal)) == (before, lines)
