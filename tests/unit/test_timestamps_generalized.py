"""Times of a directory are read in every form of RFC 4517, 3.3.13, and written as Java does."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flask_gluu_changes.timestamps import (
    EPOCH,
    from_micros,
    moment_of,
    parse_generalized_time,
    to_generalized_time,
    to_instant,
    to_micros,
)
from tests.support.paths import SAMPLES

JAVA: list[tuple[int, int, str]] = json.loads((SAMPLES / "java-instants.json").read_text())[1:]
UNITS = {"%H": 3600, "%H%M": 60, "%H%M%S": 1}
"""Precisions, and what a fraction is a part of then, in seconds."""

utc_times = st.datetimes(timezones=st.just(UTC))
minutes = st.integers(-1439, 1439)


@given(utc_times)
def test_a_time_written_for_a_directory_reads_as_the_same_millisecond(time: datetime) -> None:
    """In any year, leap days and times before 1970 included."""
    floored = time.replace(microsecond=time.microsecond // 1000 * 1000)
    assert parse_generalized_time(to_generalized_time(time)) == moment_of(floored)


@given(utc_times, utc_times)
def test_times_written_for_a_directory_sort_as_the_times_do(one: datetime, other: datetime) -> None:
    """The form has a fixed width; a database's ordering as text holds as well."""
    written = to_generalized_time(one), to_generalized_time(other)
    assert (written[0] < written[1]) <= (one < other)
    assert {len(text) for text in written} == {19}


def test_a_time_for_a_directory_is_written_in_utc() -> None:
    """From whatever zone it comes."""
    time = datetime(2019, 12, 25, 6, 57, 29, 934_999, timezone(timedelta(hours=5.5)))
    assert to_generalized_time(time) == "20191225012729.934Z"


@given(utc_times)
def test_microseconds_since_the_epoch_are_exact(time: datetime) -> None:
    """No float stands between a time and the number it is compared by."""
    assert from_micros(to_micros(time)) == time


@pytest.mark.parametrize(("seconds", "nanos", "printed"), JAVA)
def test_a_generalized_time_is_shown_as_java_shows_it(
    seconds: int, nanos: int, printed: str
) -> None:
    """No fraction when it is zero, else three, six or nine digits."""
    whole = to_generalized_time(from_micros(seconds * 10**6))[:14]
    micros = seconds * 10**6 + nanos // 1000
    assert parse_generalized_time(f"{whole}.{nanos:09}Z") == (printed, micros)
    assert parse_generalized_time(f"{whole},{nanos:09}+0000") == (printed, micros)


@pytest.mark.parametrize(("seconds", "nanos", "printed"), [j for j in JAVA if not j[1] % 1000])
def test_a_datetime_is_shown_as_java_shows_it(seconds: int, nanos: int, printed: str) -> None:
    """A datetime ends at the microsecond; one without zone is UTC, as databases store it."""
    time = from_micros(seconds * 10**6 + nanos // 1000)
    assert to_instant(time) == printed
    assert moment_of(time) == moment_of(time.replace(tzinfo=None)) == (printed, to_micros(time))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2019122501Z", "2019-12-25T01:00:00Z"),
        ("201912250127Z", "2019-12-25T01:27:00Z"),
        ("20191225012729Z", "2019-12-25T01:27:29Z"),
        ("2019122501.125Z", "2019-12-25T01:07:30Z"),
        ("201912250127.5Z", "2019-12-25T01:27:30Z"),
        ("2019122501.5Z", "2019-12-25T01:30:00Z"),
        ("201912250127,25Z", "2019-12-25T01:27:15Z"),
        ("20191225012729,9340Z", "2019-12-25T01:27:29.934Z"),
        ("20191225012729.934+0530", "2019-12-24T19:57:29.934Z"),
        ("20191225012729-05", "2019-12-25T06:27:29Z"),
        ("2019122501.00000000001Z", "2019-12-25T01:00:00.000000036Z"),
        ("20191225012729.1234567899Z", "2019-12-25T01:27:29.123456789Z"),
        ("20191225012729.0000000009Z", "2019-12-25T01:27:29Z"),
        ("20191231235959.999999999-0001", "2020-01-01T00:00:59.999999999Z"),
    ],
)
def test_every_form_is_read(text: str, shown: str) -> None:
    """Without minutes, without seconds, with either decimal sign, and with offsets."""
    assert parse_generalized_time(text)[0] == shown


@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1)),
    st.sampled_from(list(UNITS)),
    st.none() | st.from_regex(r"[.,][0-9]{1,25}", fullmatch=True),
    st.none() | minutes,
)
def test_every_form_is_read_exactly(
    time: datetime, form: str, fraction: str | None, offset: int | None
) -> None:
    """To the nanosecond, cut and not rounded; the comparison is made in whole fractions."""
    text = f"{time.year:04}{time:%m%d}{time.strftime(form)}{fraction or ''}"
    hours, rest = divmod(abs(offset or 0), 60)
    zone = "Z" if offset is None else f"{'-' if offset < 0 else '+'}{hours:02}{rest:02}"
    base = datetime.strptime(text[: 8 + 2 * form.count("%")], f"%Y%m%d{form}").replace(tzinfo=UTC)
    part = Fraction(int(fraction[1:]), 10 ** len(fraction[1:])) if fraction else Fraction(0)
    nanos = int((base - EPOCH) / timedelta(seconds=1)) * 10**9 + int(part * UNITS[form] * 10**9)
    nanos -= (offset or 0) * 60 * 10**9
    shown, micros = parse_generalized_time(text + zone)
    assert micros == nanos // 1000
    assert shown.startswith(from_micros(micros).isoformat()[:19])
    assert int((shown[20:-1] or "0").ljust(9, "0")) == nanos % 10**9


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Z",
        "20191225Z",
        "20191225012729",
        "20191225012729.Z",
        "20191225012729.934",
        "20191225012729.9a4Z",
        "20191225012729z",
        "20191225012729Z\n",
        " 20191225012729Z",
        "2019-12-25T01:27:29Z",
        "191225012729Z",
        "20190230000000Z",
        "20191301000000Z",
        "00000101000000Z",
        "20191225240000Z",
        "2019122524Z",
        "20191225016000Z",
        "20191225235960Z",
        "20191225235960.5Z",
        "20161231235960+0000",
        "20191225012729+2400",
        "20191225012729+0560",
        "20191225012729+0099",
        "20191225012729+5",
        "20191225012729+05:30",
        "00010101000000+0001",
        "99991231235959-0001",
        "2019122501272\N{ARABIC-INDIC DIGIT NINE}Z",
    ],
)
def test_what_is_no_generalized_time_is_refused(text: str) -> None:
    """Leap seconds as well, for which Java's Instant has no form."""
    with pytest.raises(ValueError):  # noqa: PT011
        parse_generalized_time(text)


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_datetime_out_of_the_years_is_a_value_error(hours: int) -> None:
    """An offset may carry the first and the last hour of all beyond what can be written."""
    time = datetime.max if hours < 0 else datetime.min
    with pytest.raises(ValueError, match="years 1 to 9999"):
        moment_of(time.replace(tzinfo=timezone(timedelta(hours=hours))))


almost = st.from_regex(r"\d{8,16}([.,]\d*)?(Z|[-+]\d{0,5})?\s?")


@given(st.text() | almost)
@example("\ud800")
@example("20191225012729." + "9" * 9999 + "Z")
@example("20191225012729," + "9" * 9999 + "Z")
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    """No other exception comes out, so that no value in a directory can fail a page."""
    try:
        shown, micros = parse_generalized_time(text)
    except ValueError:
        return
    assert shown.endswith("Z")
    assert abs(from_micros(micros) - datetime.fromisoformat(shown[:19] + "Z")) < timedelta(
        seconds=1
    )
