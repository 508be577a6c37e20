"""A page is written as Gluu writes it, and a large answer leaves the memory."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from tempfile import TemporaryFile
from typing import Any

import pytest

from flask_gluu_changes.feed import snapshot
from flask_gluu_changes.feed.parts import LARGE, PART
from flask_gluu_changes.feed.snapshot import Page, Snapshot
from flask_gluu_changes.timestamps import to_micros

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
MIB = 2**20


def test_a_page_names_its_latest_change() -> None:
    """Not the time that was asked for."""
    latest = to_micros(datetime(2024, 2, 29, 12, 0, 0, 5000, tzinfo=UTC))
    assert Page(SINCE, [b'{"a":1}', b"{}"], latest).to_json() == (
        b'{"total":2,"latestUpdateAt":"2024-02-29T12:00:00.005Z","results":[{"a":1},{}]}'
    )


def test_an_empty_page_names_the_time_that_was_asked_for() -> None:
    """So that a client goes on from there."""
    assert Page(SINCE, [], None).to_json() == (
        b'{"total":0,"latestUpdateAt":"2020-01-01T00:00:00Z","results":[]}'
    )


def test_the_time_before_all_is_a_time() -> None:
    """The epoch is no missing one."""
    assert b'"1970-01-01T00:00:00Z"' in Page(SINCE, [b"{}"], 0).to_json()


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The temporary files that were made."""
    made: list[object] = []

    def note(**options: Any) -> object:
        made.append(TemporaryFile(**options))  # noqa: SIM115 - the snapshot closes it
        return made[-1]

    monkeypatch.setattr(snapshot, "TemporaryFile", note)
    return made


@pytest.mark.parametrize(
    ("count", "size", "spills"),
    [
        (1024, 1024, False),
        (1024, 1025, True),
        (2, 5 * MIB, True),
        (1, MIB, False),
        (1, MIB + 1, True),
    ],
)
def test_more_than_one_mebibyte_goes_to_a_file(
    count: int, size: int, spills: bool, files: list[object]
) -> None:
    """However few entries it is: pages of photos would fill the memory."""
    entries = ((b"%05d" % i, i, b"%05d" % i + b"x" * (size - 5)) for i in range(count))
    kept = Snapshot(SINCE, entries)
    assert bool(files) is spills
    assert kept.page(count - 1, 2).bodies[0][:5] == b"%05d" % (count - 1)


@pytest.mark.parametrize("count", [1, 2, 300])
def test_a_large_page_is_written_in_parts(count: int) -> None:
    """The same octets as the whole, in parts that are no larger than they need be."""
    body = b'{"photo":"%b"}' % (b"x" * (LARGE // count))
    page = Snapshot(SINCE, ((b"%05d" % i, i, body) for i in range(count))).page(0, count)
    assert page.large is not None
    parts = list(page.large.parts())
    assert b"".join(parts) == page.to_json()
    assert (page.large.size, len(page.bodies)) == (len(page.to_json()), count)
    assert all(len(part) <= PART + len(body) + 1 for part in parts)
    assert list(page.bodies) == [page.bodies[i] for i in range(count)] == page.bodies[:]


def test_a_file_that_was_read_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes from it afterwards is the same."""
    monkeypatch.setattr(snapshot, "RESIDENT", 1000)
    monkeypatch.setattr(snapshot, "SPILL_BYTES", 10)
    kept = Snapshot(SINCE, ((b"%05d" % i, i, b"%05d" % i * 100) for i in range(50)))
    for start in (0, 10, 40, 0):
        bodies = [b"%05d" % i * 100 for i in range(start, start + 10)]
        assert kept.page(start, 10).bodies == bodies


def test_a_page_that_is_not_large_is_held(files: list[object]) -> None:
    """It is answered from memory, and needs no thread for long."""
    body = b"x" * (LARGE // 2)
    kept = Snapshot(SINCE, ((b"%d" % i, i, body) for i in range(3)))
    assert kept.page(0, 2).large is None
    assert kept.page(0, 3).large is not None


def test_what_is_in_the_file_is_written_in_large_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is written twice or left out between them."""
    monkeypatch.setattr(snapshot, "SPILL_BYTES", 10)
    bodies = [b"%d" % i * i for i in range(1, 9)]
    with closing(snapshot._Spool()) as spool:
        ends = [spool.append(body) for body in bodies]
        assert ends == [sum(map(len, bodies[: i + 1])) for i in range(len(bodies))]
        assert sum(map(len, spool._chunks)) <= 10
        assert spool.finish()[:] == b"".join(bodies)
