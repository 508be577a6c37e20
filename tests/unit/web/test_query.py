"""Bad input gets a SCIM error that helps, on a bare app and under a host's Api.

SCIM errors are RFC 7644, section 3.12.
"""

from __future__ import annotations

from urllib.parse import quote, quote_from_bytes, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.apps import GOOD, OPERATION, Ask, detail_of, query_of, with_octets, working_app
from tests.support.apps import ask as ask
from tests.support.apps import shape as shape

NO_NUMBERS = [
    "",
    "ten",
    "-1",
    "-0",
    "1" + "0" * 30,
    "9" * 5000,
    "１０",  # noqa: RUF001
    "1_0",
    " 5",
    "5 ",
    "+5",
    "5\n",
    "1.0",
    "1e1",
    "0x10",
    "\0",
    "5\0",
]
NO_TIMES = [
    "",
    "yesterday",
    "1577188803",
    "2019-12-24",
    "2023-02-30T12:00:00Z",
    "2023-13-01T12:00:00Z",
    "2023-00-10T12:00:00Z",
    "0000-01-01T00:00:00Z",
    "10000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-05:00",
    "0001-01-01T00:00:00+05:00",
    "2023-01-01T25:00:00Z",
    "2023-01-01T24:00:00Z",
    "2023-01-01T12:60:00Z",
    "2023-01-01T12:00:60Z",
    "2023-01-01T12:00:00+24:00",
    "2023-01-01T12:00:00+05:60",
    "2023-01-01T12:00:00  05:00",
    "2023-01-01T12:00:00.Z",
    "2023-01-01 12:00:00Z",
    " 2023-01-01T12:00:00Z",
    "2023-01-01T12:00:00Z\n",
    "２０２３-01-01T12:00:00Z",  # noqa: RUF001
    "\0",
    "2023-01-01T12:00:00Z\0",
    "*)(uid=*",
]


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize("name", ["start", "pagesize", "pageSize"])
def test_a_number_that_is_none_is_refused_by_name(ask: Ask, name: str, value: str) -> None:
    parameters: dict[str, str | None] = {name: value}
    if name == "pageSize":
        parameters["pagesize"] = None
    detail = detail_of(ask(query_of(**parameters)), 400)
    assert detail.startswith(f"{name.lower()}: No suitable value")
    assert "whole number from" in detail


@pytest.mark.parametrize("value", NO_TIMES)
def test_a_time_that_is_none_is_refused_by_name(ask: Ask, value: str) -> None:
    assert detail_of(ask(query_of(timeStamp=value)), 400).startswith(
        "timeStamp: Unparsable date: '"
    )


@pytest.mark.parametrize("name", ["timeStamp", "pagesize"])
def test_a_missing_parameter_is_named(ask: Ask, name: str) -> None:
    assert detail_of(ask(query_of(**{name: None})), 400).startswith(f"{name}: It is missing")


def test_every_wrong_parameter_is_named_at_once(ask: Ask) -> None:
    detail = detail_of(ask("start=x&pagesize=0"), 400)
    assert all(f"{name}: " in detail for name in GOOD)


@pytest.mark.parametrize("name", ["timeStamp", "start", "pagesize", "pageSize"])
@pytest.mark.parametrize("second", ["same", "other", ""])
def test_a_repeated_parameter_is_refused_by_name(ask: Ask, name: str, second: str) -> None:
    value = {**GOOD, "pageSize": "10"}[name]
    left_out = {"pagesize": None} if name == "pageSize" else {}
    query = urlencode([(name, value), (name, value if second == "same" else second)])
    assert detail_of(ask(f"{query_of(**{name: None, **left_out})}&{query}"), 400).startswith(
        f"{name}: It is repeated"
    )


def test_start_defaults_to_the_beginning(ask: Ask) -> None:
    assert ask(query_of(start=None)).get_json()["total"] == 3


@pytest.mark.parametrize(
    ("start", "pagesize", "total"),
    [("0", "1", 1), ("2", "1000", 1), ("00", "0002", 2), (str(2**31 - 1), "10", 0)],
)
def test_numbers_at_their_bounds_are_served(
    ask: Ask, start: str, pagesize: str, total: int
) -> None:
    answer = ask(query_of(start=start, pagesize=pagesize))
    assert (answer.status_code, answer.get_json()["total"]) == (200, total)


@pytest.mark.parametrize(
    ("name", "value"), [("pagesize", "0"), ("pagesize", "1001"), ("start", str(2**31))]
)
def test_numbers_beyond_their_bounds_are_refused(ask: Ask, name: str, value: str) -> None:
    assert detail_of(ask(query_of(**{name: value})), 400).startswith(f"{name}: No suitable value")


def test_the_second_spelling_of_pagesize_counts_as_the_first(ask: Ask) -> None:
    assert ask(query_of(pagesize=None, pageSize="2")).get_json()["total"] == 2


def test_both_spellings_may_come_when_they_are_equal(ask: Ask) -> None:
    assert ask(query_of(pagesize="2", pageSize="2")).get_json()["total"] == 2


@pytest.mark.parametrize("second", ["3", "02", ""])
def test_both_spellings_are_refused_when_they_differ(ask: Ask, second: str) -> None:
    detail = detail_of(ask(query_of(pagesize="2", pageSize=second)), 400)
    assert detail.startswith("pagesize: It differs from pageSize")


@pytest.mark.parametrize("extra", ["count=5", "count=5&count=6", "PAGESIZE=1", "%FF=%FF", "&=&x"])
def test_unknown_parameters_are_ignored(ask: Ask, extra: str) -> None:
    answer = ask(f"{extra}&{query_of()}")
    assert (answer.status_code, answer.get_json()["total"]) == (200, 3)


@pytest.mark.parametrize("offset", ["+05:00", "%2B05:00", "%2b05:00", "%2005:00", "%2B0500"])
def test_the_plus_of_an_offset_may_come_unencoded(ask: Ask, offset: str) -> None:
    answer = ask(with_octets("timeStamp", f"2020-02-01T04:30:00{offset}"))
    assert answer.get_json()["latestUpdateAt"] == "2020-01-31T23:30:00Z"


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("octets", ["%FF", "%C3%28", "%ED%A0%80", "%", "%0", "%zz", "\xff"])
def test_octets_that_are_no_text_are_refused_by_name(ask: Ask, name: str, octets: str) -> None:
    assert detail_of(ask(with_octets(name, octets)), 400).startswith(f"{name}: ")


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize(
    "value", ["\r\n\t\x1b[31m\x7f\x85\u2028\u202e", "<script>'\"", "x" * 10_240, "\U0001f600" * 90]
)
def test_a_wrong_value_is_echoed_escaped_and_cut_to_64_characters(
    ask: Ask, name: str, value: str
) -> None:
    detail = detail_of(ask(query_of(**{name: value})), 400)
    echoed = detail[detail.index("'") + 1 : detail.index("; send")].removesuffix("'")
    assert echoed.isprintable()
    assert len(echoed.removesuffix("…")) <= 64
    assert echoed.removesuffix("…").isascii()
    assert len(detail) < 200


# Anything at all

texts = st.text().map(quote)
octets = st.binary().map(quote_from_bytes)
numbers = st.integers().map(str)
times = st.from_regex(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]\S{,7}")
raw = st.text(st.characters(max_codepoint=255, exclude_characters="&#"))


@pytest.mark.parametrize("name", [*GOOD, "pageSize", "unknown"])
@given(value=st.one_of(texts, octets, numbers, times.map(quote), raw))
@settings(max_examples=200, derandomize=True, database=None)
def test_whatever_a_parameter_holds_the_answer_is_a_page_or_a_400(name: str, value: str) -> None:
    """Under both kinds of application, and the same under both."""
    query = with_octets(name, value)
    bare, api = (
        working_app(shape).test_client().get(OPERATION, query_string=query)
        for shape in ("bare", "api")
    )
    assert bare.data == api.data
    for answer in (bare, api):
        if answer.status_code == 200:
            assert answer.get_json().keys() == {"total", "latestUpdateAt", "results"}
        else:
            assert detail_of(answer, 400).startswith(
                f"{name.lower() if name != 'timeStamp' else name}: "
            )


def test_octets_that_are_neither_encoded_nor_text_are_refused(shape: str) -> None:
    """Servers hand them over as they came."""
    raw = {"QUERY_STRING": "timeStamp=2020-01-01T00:00:00Z&pagesize=1&x=\xff"}
    answer = working_app(shape).test_client().get(OPERATION, environ_overrides=raw)
    assert "not UTF-8" in detail_of(answer, 400)


@pytest.mark.parametrize("name", ["cursor", "deltaToken"])
def test_without_a_journal_its_forms_are_refused_by_name(ask: Ask, name: str) -> None:
    """Unless there is a timeStamp, beside which Gluu ignores what it does not know."""
    said = f"{name}: It needs a journal, which this server does not keep"
    assert detail_of(ask(f"{name}=abc&count=10"), 400).startswith(said)
    assert ask(query_of(**{name: "abc"})).status_code == 200
