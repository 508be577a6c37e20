"""A page is written as Gluu writes it, and a large answer leaves the memory."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest

from flask_gluu_changes.errors import BackendUnavailable
from flask_gluu_changes.feed import snapshot
from flask_gluu_changes.feed.parts import LARGE, PART
from flask_gluu_changes.feed.snapshot import Page, SnapshotWriter
from flask_gluu_changes.timestamps import to_micros
from tests.support.snapshots import in_file

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


@pytest.mark.parametrize(
    ("count", "size", "is_small"),
    [
        (1024, 1024, True),
        (1024, 1025, False),
        (1, MIB, True),
        (1, MIB + 1, False),
    ],
)
def test_more_than_one_mebibyte_is_not_kept_in_memory(
    count: int, size: int, is_small: bool
) -> None:
    """However few entries it is: pages of photos would fill the memory."""
    entries = ((b"%05d" % i, i, b"x" * size) for i in range(count))
    assert SnapshotWriter(SINCE).is_small(entries, count) is is_small


@pytest.mark.parametrize("count", [1, 2, 300])
def test_a_large_page_is_written_in_parts(count: int) -> None:
    """The same octets as the whole, in parts that are no larger than they need be."""
    body = b'{"photo":"%b"}' % (b"x" * (LARGE // count))
    page = in_file(SINCE, ((b"%05d" % i, i, body) for i in range(count))).page(0, count)
    assert page.large is not None
    parts = list(page.large.parts())
    assert b"".join(parts) == page.to_json()
    assert (page.large.size, len(page.bodies)) == (len(page.to_json()), count)
    assert all(len(part) <= PART + len(body) + 1 for part in parts)
    assert list(page.bodies) == [page.bodies[i] for i in range(count)] == page.bodies[:]


def test_a_file_that_was_read_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes from it afterwards is the same."""
    monkeypatch.setattr(snapshot, "RESIDENT", 1000)
    kept = in_file(SINCE, ((b"%05d" % i, i, b"%05d" % i * 100) for i in range(50)))
    for start in (0, 10, 40, 0):
        bodies = [b"%05d" % i * 100 for i in range(start, start + 10)]
        assert kept.page(start, 10).bodies == bodies


def test_a_page_that_is_not_large_is_held() -> None:
    """It is answered from memory, and needs no thread for long."""
    body = b"x" * (LARGE // 2)
    kept = in_file(SINCE, ((b"%d" % i, i, body) for i in range(3)))
    assert kept.page(0, 2).large is None
    assert kept.page(0, 3).large is not None


def test_a_file_is_written_in_large_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that little of it is in memory at a time."""
    monkeypatch.setattr(snapshot, "SPILL_BYTES", 10)
    sizes: list[int] = []

    class Noting(BytesIO):
        def write(self, data: Any) -> int:
            sizes.append(len(data))
            return super().write(data)

    SnapshotWriter(SINCE).to_file(((b"%d" % i, i, b"xyz") for i in range(9)), Noting())
    assert sizes[:-1] == [12, 12, 3 + 5]  # numbers begin where the system reads them


def test_a_file_that_takes_a_part_of_what_is_written_is_given_the_rest() -> None:
    """As systems do with very large writes."""

    class Slow(BytesIO):
        def write(self, data: Any) -> int:
            return super().write(data[:7])

    slow, whole = Slow(), BytesIO()
    for file in (slow, whole):
        SnapshotWriter(SINCE).to_file(((b"%d" % i, i, b"xyz") for i in range(9)), file)
    assert slow.getvalue() == whole.getvalue()


def test_a_full_disk_is_said_to_be_one() -> None:
    """A client may come again."""
    with open("/dev/full", "wb", buffering=0) as file, pytest.raises(BackendUnavailable) as raised:
        SnapshotWriter(SINCE).to_file(iter([(b"a", 1, b"A")]), file)
    assert "No space left" in str(raised.value)
