"""A snapshot is the whole answer in order, and its pages are slices of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_gluu_changes.encoder import EncodedEntry
from flask_gluu_changes.feed.snapshot import Page, Snapshot
from tests.support.snapshots import in_file, in_memory

micros = st.integers(-(2**62), 2**62)
entries = st.lists(st.tuples(st.binary(max_size=4), micros, st.binary(max_size=20)), max_size=40)
anywhere = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
MANY: list[EncodedEntry] = [(b"%05d" % (i * 7919 % 5000), i, b"{%d}" % i) for i in range(5000)]


@pytest.fixture(params=[in_memory, in_file])
def snapshot_of(request: pytest.FixtureRequest) -> Callable[..., Snapshot]:
    """How an answer is kept: a small one, and a large one."""
    made: Callable[..., Snapshot] = request.param
    return made


@anywhere
@given(answer=entries, size=st.integers(1, 50))
def test_pages_of_any_size_make_up_the_sorted_whole(
    snapshot_of: Callable[..., Snapshot], answer: list[EncodedEntry], size: int
) -> None:
    """In memory and on disk; entries with equal keys keep the order in which they came."""
    kept = snapshot_of(SINCE, answer)
    pages = [kept.page(start, size).bodies for start in range(0, len(answer) + 1, size)]
    assert list(chain(*pages)) == [entry[2] for entry in sorted(answer, key=lambda entry: entry[0])]
    assert all(len(page) == size for page in pages[:-1])
    assert len(kept) == len(answer)


@anywhere
@given(answer=entries, start=st.integers(0, 45), size=st.integers(1, 45))
def test_a_page_knows_the_latest_change_on_it(
    snapshot_of: Callable[..., Snapshot], answer: list[EncodedEntry], start: int, size: int
) -> None:
    """Not the latest of all, and none on an empty page."""
    ordered = sorted(answer, key=lambda entry: entry[0])[start : start + size]
    latest = max((changed for _, changed, _ in ordered), default=None)
    assert snapshot_of(SINCE, answer).page(start, size).latest == latest


def test_a_page_behind_the_end_is_empty(snapshot_of: Callable[..., Snapshot]) -> None:
    """At the end, and as far behind it as a request can ask."""
    for start in (len(MANY), 2**31 - 1):
        assert snapshot_of(SINCE, MANY).page(start, 1000) == Page(SINCE, [], None)
