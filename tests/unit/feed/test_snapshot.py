"""A snapshot is the whole answer in order, and its pages are slices of it."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_gluu_changes.encoder import EncodedEntry
from flask_gluu_changes.feed import snapshot
from flask_gluu_changes.feed.snapshot import Snapshot

micros = st.integers(-(2**62), 2**62)
entries = st.lists(st.tuples(st.binary(max_size=4), micros, st.binary(max_size=20)), max_size=40)
anywhere = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
MANY: list[EncodedEntry] = [(b"%05d" % (i * 7919 % 5000), i, b"{%d}" % i) for i in range(5000)]
IN_ORDER = [body for _, _, body in sorted(MANY)]


@pytest.fixture(params=["memory", "file"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where an answer is kept: spilled here at the first entries, else never."""
    if request.param == "file":
        monkeypatch.setattr(snapshot, "SPILL_BYTES", 10)
    return str(request.param)


@pytest.fixture
def spilling(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Spill early, into a directory of the test's own."""
    monkeypatch.setattr(snapshot, "SPILL_BYTES", 100)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def _open_files(folder: Path) -> int:
    """Count the files below a folder that this process has open or mapped, unlinked included."""
    gc.collect()
    held = [os.readlink(f"/proc/self/fd/{fd}") for fd in _descriptors()]
    maps = Path("/proc/self/maps").read_text().splitlines()
    return sum(str(folder) in line for line in [*held, *maps])


def _descriptors() -> list[str]:
    return [fd for fd in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{fd}")]


@anywhere
@given(answer=entries, size=st.integers(1, 50))
def test_pages_of_any_size_make_up_the_sorted_whole(
    place: str, answer: list[EncodedEntry], size: int
) -> None:
    """In memory and on disk; entries with equal keys keep the order in which they came."""
    kept = Snapshot(SINCE, answer)
    pages = [kept.page(start, size).bodies for start in range(0, len(answer) + 1, size)]
    assert list(chain(*pages)) == [entry[2] for entry in sorted(answer, key=lambda entry: entry[0])]
    assert all(len(page) == size for page in pages[:-1])
    assert len(kept) == len(answer)


@anywhere
@given(answer=entries, start=st.integers(0, 45), size=st.integers(1, 45))
def test_a_page_knows_the_latest_change_on_it(
    place: str, answer: list[EncodedEntry], start: int, size: int
) -> None:
    """Not the latest of all, and none on an empty page."""
    ordered = sorted(answer, key=lambda entry: entry[0])[start : start + size]
    latest = max((changed for _, changed, _ in ordered), default=None)
    assert Snapshot(SINCE, answer).page(start, size).latest == latest


def test_a_page_behind_the_end_is_empty(place: str) -> None:
    """At the end, and as far behind it as a request can ask."""
    for start in (len(MANY), 2**31 - 1):
        assert Snapshot(SINCE, MANY).page(start, 1000) == snapshot.Page(SINCE, [], None)
    assert Snapshot(SINCE, []).page(0, 1000) == snapshot.Page(SINCE, [], None)


def test_a_large_answer_moves_to_a_file_that_has_no_name(spilling: Path) -> None:
    """Nothing is left behind by a process that is killed."""
    kept = Snapshot(SINCE, MANY)
    assert _open_files(spilling) > 0
    assert list(spilling.iterdir()) == []
    assert kept.page(0, len(MANY)).bodies == IN_ORDER


def test_the_file_goes_with_the_snapshot(spilling: Path) -> None:
    """Pages that were cut from it stay."""
    kept = Snapshot(SINCE, MANY)
    page = kept.page(0, 3)
    del kept
    assert _open_files(spilling) == 0
    assert page.bodies == IN_ORDER[:3]


def test_an_answer_that_breaks_off_leaves_no_file(spilling: Path) -> None:
    """A backend may fail in the middle of a large answer."""

    def broken() -> Iterator[EncodedEntry]:
        yield from MANY
        raise LookupError

    with pytest.raises(LookupError):
        Snapshot(SINCE, broken())
    assert _open_files(spilling) == 0


def test_a_small_answer_needs_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By the limits as they are: the directory for temporary files is never asked for."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    assert Snapshot(SINCE, MANY).page(0, len(MANY)).bodies == IN_ORDER


def test_an_answer_above_the_limit_spills(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By the limits as they are: what is larger is not kept in memory."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    body = b"x" * (snapshot.SPILL_BYTES // 1000 + 1)
    kept = Snapshot(SINCE, ((b"%05d" % i, i, body) for i in range(1000)))
    assert _open_files(tmp_path) > 0
    assert kept.page(999, 10).bodies == [body]
