"""Whatever a server without tokens answers: its source raises what it says, and never spins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
from hypothesis import given
from hypothesis import strategies as st

from flask_gluu_changes.client import ChangesError
from flask_gluu_changes.sync.time_position import TimePosition
from flask_gluu_changes.sync.time_stamps import TimeStampSource

from .budget import fuzzed
from .octets import ANYTHING, TEXTS, altered, to_json

MOST_REQUESTS = 200

PERSON = {"inum": ["1"], "uid": ["a"], "updatedAt": ["2024-01-01T00:00:00Z"], "mail": ["a@b"]}
OTHER = {"inum": ["2"], "oxCreationTimestamp": ["20240101000000Z"]}
PAGE: dict[str, Any] = {"total": 2, "results": [PERSON, OTHER]}

PAGES = st.one_of(
    st.just(PAGE),
    altered(PAGE),
    altered(PERSON).map(lambda person: {**PAGE, "results": [person, OTHER]}),
    st.lists(altered(PERSON), max_size=9).map(lambda people: {"results": people}),
    st.just({"results": []}),
    ANYTHING,
)
POSITION = {"reached": "2024-01-01T00:00:00Z", "full": "2024-01-01T00:00:00Z"}
DATES = st.sampled_from(["Thu, 01 Jan 2026 00:00:00 GMT", "x", "", "Thu, 01 Jan 99999 00:00:00"])


@fuzzed
@given(pages=st.lists(PAGES, min_size=1, max_size=6), date=DATES)
def test_a_run_ends(pages: list[Any], date: str) -> None:
    """With a position, or with an error that is one of the client's."""
    source = TimeStampSource(
        "https://gluu.example/",
        http=httpx.Client(transport=httpx.MockTransport(_answers(pages, date))),
        count=4,
        repetitions=1,
        sleep=lambda _: None,
    )
    try:
        *_, last = source.read("", full=False)
    except ChangesError:
        return
    TimePosition.from_text(last.position)
    assert all(change.id and not change.version for change in last.changes)


def _answers(pages: list[Any], date: str) -> Callable[[httpx.Request], httpx.Response]:
    """Answer by one page after another, in a circle."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert len(asked) < MOST_REQUESTS, "it asks without end"
        asked.append(request)
        page = pages[len(asked) % len(pages)]
        return httpx.Response(200, content=to_json(page), headers={"Date": date})

    return answer


@fuzzed
@given(text=st.one_of(TEXTS, altered(POSITION).map(lambda given: to_json(given).decode("latin-1"))))
def test_a_position_is_read_or_refused(text: str) -> None:
    """Whatever stands in a state."""
    try:
        TimePosition.from_text(text)
    except ChangesError:
        return
