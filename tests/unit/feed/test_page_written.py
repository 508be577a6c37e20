"""A page is written as Gluu writes it, and a large answer leaves the memory."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from tempfile import TemporaryFile
from typing import Any

import pytest

from flask_gluu_changes.feed import snapshot
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
        (1024, 4096, False),
        (1024, 4097, True),
        (1000, 5000, True),
        (999, 5000, False),
        (1, 5 * MIB, False),
    ],
)
def test_more_than_four_mebibytes_in_a_thousand_entries_go_to_a_file(
    count: int, size: int, spills: bool, files: list[object]
) -> None:
    """A smaller answer stays in memory, and so do a few large entries until there are more."""
    entries = ((b"%05d" % i, i, b"%05d" % i + b"x" * (size - 5)) for i in range(count))
    kept = Snapshot(SINCE, entries)
    assert bool(files) is spills
    assert kept.page(count - 1, 2).bodies[0][:5] == b"%05d" % (count - 1)


def test_what_is_in_the_file_is_written_in_large_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is written twice or left out between them."""
    monkeypatch.setattr(snapshot, "SPILL_BYTES", 10)
    monkeypatch.setattr(snapshot, "SPILL_CHUNKS", 3)
    bodies = [b"%d" % i * i for i in range(1, 9)]
    with closing(snapshot._Spool()) as spool:
        ends = [spool.append(body) for body in bodies]
        assert ends == [sum(map(len, bodies[: i + 1])) for i in range(len(bodies))]
        assert len(spool._chunks) < 3
        assert spool.finish()[:] == b"".join(bodies)
