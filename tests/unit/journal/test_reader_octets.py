"""Octets, not rows, bound what is read of a journal at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_gluu_changes.journal import joined
from flask_gluu_changes.journal.protocol import Position, Slice
from flask_gluu_changes.journal.reader import LARGE_LINE, PAGE_OCTETS
from tests.support.journal_site import Site, shown
from tests.support.journals import Journal, memory_engine

LARGE = "x" * (LARGE_LINE + 1)


def _slices(journal: Journal, size: int) -> Iterator[Slice]:
    position = None
    while True:
        slice_ = journal.backend.read_slice(position, size)
        yield slice_
        if slice_.next.is_end:
            return
        position = slice_.next


def _with_starts(journal: Journal, size: int) -> Iterator[tuple[Slice, Position | None]]:
    """Yield the slices of a run, each with the position that it was read from."""
    slices = [*_slices(journal, size)]
    return zip(slices, [None, *(slice_.next for slice_ in slices)], strict=False)


@settings(max_examples=40, deadline=None)
@given(
    lines=st.lists(st.sampled_from([1, 1000, LARGE_LINE, 3 * LARGE_LINE]), max_size=12),
    size=st.integers(1, 13),
    most=st.sampled_from([1, 1000, 2 * LARGE_LINE, PAGE_OCTETS]),
    at_once=st.integers(1, 5),
)
def test_a_run_is_whole_whatever_bounds_its_slices(
    lines: list[int], size: int, most: int, at_once: int
) -> None:
    """Every row once and in order, in slices that are no larger than they need be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flask_gluu_changes.journal.reader.PAGE_OCTETS", most)
        patch.setattr("flask_gluu_changes.journal.reader.ROWS_AT_ONCE", at_once)
        journal = Journal(memory_engine())
        for number, octets in enumerate(lines):
            journal.put(f"{number}", description="x" * octets)
        slices = list(_slices(journal, size))
    read = [line for slice_ in slices for line in slice_.entries]
    assert [line.count(b"x") for line in read] == lines
    for slice_ in slices:
        assert len(slice_.entries) <= size
        assert sum(map(len, slice_.entries[:-1])) < most
    for slice_ in slices[:-1]:
        assert len(slice_.entries) == size or sum(map(len, slice_.entries)) >= most


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.text() | st.just(LARGE), max_size=12),
    removed=st.sets(st.integers(0, 11)),
    size=st.integers(1, 13),
    separator=st.sampled_from([b",", b"\n"]),
    one_text=st.sampled_from([joined.ONE_TEXT, 2]),
)
def test_joined_entries_are_those_that_come_one_by_one(
    texts: list[str], removed: set[int], size: int, separator: bytes, one_text: int
) -> None:
    """Whatever is in them, each slice is the same but for the separators, in one text or more."""
    journal = Journal(memory_engine())
    for number, text in enumerate(texts):
        journal.put(f"{number}", description=text)
    journal.remove(*(f"{number}" for number in removed if number < len(texts)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joined, "ONE_TEXT", one_text)
        patch.setattr(joined, "TEXT_ROWS", 2)
        for slice_, position in _with_starts(journal, size):
            found = journal.backend.read_joined(position, size, separator)
            assert separator.join(found.entries) == separator.join(slice_.entries)
            assert found.total == len(slice_.entries)
            assert replace(found, entries=[]) == replace(slice_, entries=[])


def test_joined_entries_are_one_text(journal: Journal) -> None:
    """That is what makes them quick; where somebody's line is large, they come one by one."""
    journal.put("a", "b")
    assert len(journal.backend.read_joined(None, 5, b",").entries) == 1
    journal.put("c", description=LARGE)
    assert len(journal.backend.read_joined(None, 5, b",").entries) == 3


def test_many_joined_entries_are_a_few_texts(journal: Journal) -> None:
    """Each about as long as what is sent at a time."""
    journal.put(*(f"{number}" for number in range(300)))
    texts = journal.backend.read_joined(None, 300, b"\n").entries
    assert [len(text.split(b"\n")) for text in texts] == [64, 64, 64, 64, 44]
    assert len(journal.backend.read_joined(None, 256, b"\n").entries) == 1
    assert len(journal.backend.read_joined(None, 257, b"\n").entries) == 5


def test_a_run_that_reports_removals_is_told_one_by_one(journal: Journal) -> None:
    """Joined entries would leave the removals out."""
    journal.put("a", "b")
    end = journal.backend.latest()
    journal.remove("a")
    journal.put("c", "d")
    found = journal.backend.read_joined(end, 5, b",")
    assert found == journal.backend.read_slice(end, 5)
    assert (len(found.removed), found.total) == (1, 2)


def test_removals_count_as_well(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page ends within them, too."""
    monkeypatch.setattr("flask_gluu_changes.journal.reader.PAGE_OCTETS", 1)
    journal.put("a", "b", "c")
    token = (site := Site(journal)).full()
    journal.remove("a", "b", "c")
    pages = site.run(deltaToken=token)
    assert [page["itemsPerPage"] for page in pages] == [1, 1, 1]


def test_a_stream_of_large_lines_is_whole(journal: Journal, site: Site) -> None:
    """In the order of change, like its pages."""
    for name in "abc":
        journal.put(name, description=LARGE if name == "b" else "")
    assert [line["@id"] for line in site.lines(cursor="")[:-1]] == ["a", "b", "c"]
    assert shown(site.run(cursor="")) == ["a", "b", "c"]


def test_the_form_of_time_stamps_has_large_lines(journal: Journal, site: Site) -> None:
    """In its own order, which is by uid."""
    for name in "cab":
        journal.put(name, description=LARGE if name == "a" else "", updatedAt="20240501120000Z")
    query: dict[str, Any] = {"timeStamp": "2020-01-01T00:00:00Z", "pagesize": "5"}
    results = site.page(**query)["results"]
    assert [entry["uid"] for entry in results] == [["a"], ["b"], ["c"]]
    assert results[0]["description"] == [LARGE]
