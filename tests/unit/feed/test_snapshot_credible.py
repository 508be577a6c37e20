"""Times that cannot be right do not count for the latest change of a page."""

from __future__ import annotations

from datetime import UTC, datetime

from flask_gluu_changes.encoder import EncodedEntry
from flask_gluu_changes.feed.snapshot import ANY_TIME
from tests.support.snapshots import in_memory

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
FLOOR = 1_577_836_800_000_000
LIMIT = FLOOR + 1000


def _latest(*times: int, credible: int = LIMIT) -> list[int | None]:
    """Return the latest change of each page, of one entry each."""
    answer: list[EncodedEntry] = [(b"%03d" % i, at, b"{}") for i, at in enumerate(times)]
    kept = in_memory(SINCE, answer, credible)
    return [kept.page(i, 1).latest for i in range(len(times))]


def test_a_time_beyond_the_limit_counts_as_the_one_asked_for() -> None:
    """The limit itself can be right, and the other entries keep their times."""
    expected = [LIMIT, FLOOR, FLOOR + 7, FLOOR]
    assert _latest(LIMIT, LIMIT + 1, FLOOR + 7, ANY_TIME) == expected


def test_a_time_before_the_one_asked_for_stays() -> None:
    """Only what is beyond the limit is put right."""
    assert _latest(5, -5, LIMIT + 1) == [5, -5, FLOOR]
    assert _latest(5, LIMIT) == [5, LIMIT]


def test_an_entry_of_an_incredible_time_is_in_the_answer() -> None:
    """At its place, with all others."""
    answer: list[EncodedEntry] = [(b"b", LIMIT + 1, b"B"), (b"a", LIMIT, b"A")]
    page = in_memory(SINCE, answer, LIMIT).page(0, 9)
    assert (page.bodies, page.latest) == ([b"A", b"B"], LIMIT)


def test_without_a_limit_any_time_can_be_right() -> None:
    """Up to the last that 63 bits hold."""
    assert ANY_TIME == 0x7FFF_FFFF_FFFF_FFFF
    answer: list[EncodedEntry] = [(b"a", ANY_TIME, b"A")]
    assert in_memory(SINCE, answer).page(0, 1).latest == ANY_TIME
