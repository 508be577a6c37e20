"""The lease: one process at a time writes, for some seconds since it last did."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, update

from flask_gluu_changes.journal import lease as module
from flask_gluu_changes.journal.tables import ENTRIES, STATE, now
from flask_gluu_changes.journal.writer import LeaseLost, WriteBatch, Writer
from tests.support.journals import Journal, file_engine, memory_engine

LATE = 2**62


@pytest.fixture
def journal() -> Journal:
    """An empty journal, built."""
    return Journal(memory_engine())


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Engine]:
    """A journal in a file, for several threads, whose lease is free."""
    engine = file_engine(tmp_path)
    Journal(engine).writer.release()
    yield engine
    engine.dispose()


@pytest.fixture
def holder(file: Engine) -> Writer:
    """Who has its lease, for a third of a second."""
    writer = Writer(file, seconds=0.3)
    assert writer.acquire()
    return writer


@pytest.fixture
def other(file: Engine) -> Writer:
    """Another one who would have it."""
    return Writer(file)


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


def test_a_lease_is_kept_while_nothing_is_written(holder: Writer, other: Writer) -> None:
    """Others wait for as long as the block lasts; then the lease ends by itself."""
    with holder.lease_kept():
        assert not _gets_it(other, seconds=1)
    assert _gets_it(other, seconds=1)


def test_who_hangs_keeps_no_lease(
    holder: Writer, other: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who begins no transaction for long is taken to hang, and another one takes over."""
    monkeypatch.setattr(module, "HANGS_AFTER", 0.5)
    with holder.lease_kept():
        assert _gets_it(other, seconds=5)
        with pytest.raises(LeaseLost):
            holder.renew()
    assert holder.state().holder == other.name


def test_a_long_transaction_is_not_disturbed(file: Engine, holder: Writer) -> None:
    """The thread that keeps the lease waits for its end: a node of Galera would end it."""
    threads = set[str]()

    @event.listens_for(file, "before_cursor_execute")
    def note(*_: object) -> None:
        threads.add(threading.current_thread().name)

    with holder.lease_kept():
        with holder._transaction():
            sleep(1)
            assert "lease" not in threads
        sleep(1)
    assert "lease" in threads


def _gets_it(writer: Writer, *, seconds: float) -> bool:
    until = monotonic() + seconds
    while monotonic() < until:
        if writer.acquire():
            return True
        sleep(0.02)
    return False


def test_a_lease_that_nobody_renews_is_free_whatever_its_end(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The holder's clock was ahead, or this one was set back; after two leases it is dead."""
    clock = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    other = Writer(journal.engine, seconds=15)
    _set(journal, held_until=LATE)
    assert not other.acquire()
    clock[0] += 30
    assert not other.acquire()
    _set(journal, held_until=LATE + 1)
    clock[0] += 1
    assert not other.acquire()
    clock[0] += 31
    assert other.acquire()
    assert journal.writer.state().holder == other.name


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
