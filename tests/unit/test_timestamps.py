"""The time stamp of a request is read as ISO 8601 allows it, and as nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flask_gluu_changes.timestamps import parse_timestamp

BERLIN = ZoneInfo("Europe/Berlin")

central_times = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1))
minutes = st.integers(-1439, 1439)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019-12-24T12:00:03-05:00", "2019-12-24T17:00:03"),
        ("2019-10-14T01:02:03Z", "2019-10-14T01:02:03"),
        ("2019-12-24t12:00:03z", "2019-12-24T12:00:03"),
        ("2019-12-24T12:00:03-0500", "2019-12-24T17:00:03"),
        ("2019-12-24T12:00:03+0530", "2019-12-24T06:30:03"),
        ("2019-12-24T12:00:03 05:00", "2019-12-24T07:00:03"),
        ("2019-12-24T12:00:03 0500", "2019-12-24T07:00:03"),
        ("2019-12-24T12:00:03.5 05:00", "2019-12-24T07:00:03.500"),
        ("2019-12-24T12:00Z", "2019-12-24T12:00:00"),
        ("2019-12-24T12:00 01:00", "2019-12-24T11:00:00"),
        ("2019-12-24T00:00:00+23:59", "2019-12-23T00:01:00"),
        ("2019-12-24T12:00:03,25Z", "2019-12-24T12:00:03.250"),
        ("2019-12-24T12:00:03-05:00[America/New_York]", "2019-12-24T17:00:03"),
        ("2019-12-24T12:00:03Z[UTC]", "2019-12-24T12:00:03"),
        ("2019-12-24T12:00:03.5 01:00[Europe/Paris]", "2019-12-24T11:00:03.500"),
        ("2019-12-24T12:00:03+02:00[GMT+02:00]", "2019-12-24T10:00:03"),
        ("2019-12-24T12:00:03-02:00[-02:00]", "2019-12-24T14:00:03"),
        ("2019-12-24T12:00:03Z[Z]", "2019-12-24T12:00:03"),
        ("2020-02-29T12:00:00Z", "2020-02-29T12:00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999"),
    ],
)
def test_the_written_forms_of_iso_8601_are_read_as_utc(text: str, expected: str) -> None:
    """A blank before a trailing hh:mm is the plus that a client forgot to percent-encode."""
    parsed = parse_timestamp(text)
    assert (parsed, parsed.tzinfo) == (_utc(expected), UTC)


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2019-12-24T12:00:00", 11),
        ("2019-07-24T12:00:00", 10),
        ("2019-10-27T02:30:00", 0),  # happens twice: the first counts, so that nothing is lost
        ("2019-03-31T02:30:00", 1),  # never happens: read by the offset before
        ("2019-07-24T12:00:00Z", 12),
    ],
)
def test_a_time_without_offset_follows_the_zones_summer_time(text: str, hour: int) -> None:
    """Only such a time does: an offset that is written counts."""
    assert parse_timestamp(text, BERLIN).hour == hour


def test_a_time_without_offset_is_utc_when_no_zone_is_set() -> None:
    """The default does not depend on where the server stands."""
    assert parse_timestamp("2019-07-24T12:00:00") == _utc("2019-07-24T12:00:00")


@pytest.mark.parametrize(
    ("digits", "millis"),
    [("0", 0), ("0009", 0), ("9999", 999), ("1239999999", 123), ("5" * 30, 555)],
)
def test_fractions_are_floored_to_milliseconds(digits: str, millis: int) -> None:
    """Rounding up would lose what happened in the milliseconds between."""
    assert parse_timestamp(f"1969-12-24T12:00:00.{digits}Z").microsecond == millis * 1000


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-30T12:00:00Z",
        "2023-02-29T12:00:00Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "+2023-01-01T00:00:00Z",
        "2023-01-01T25:00:00Z",
        "2023-01-01T24:00:00Z",
        "2023-01-01T24:00",
        "2023-01-01T12:00:60Z",
        "2023-01-01T12:00:00+24:00",
        "2023-01-01T12:00:00-99:00",
        "2023-01-01T12:00:00+05:60",
        "2023-01-01T12:00:00+05",
        "2023-01-01T12:00:00+05:00:01",
        "2023-01-01T12:00.5Z",
        "2023-01-01T12:00:00." + "1" * 31,
        "2023-01-01T12Z",
        "20230101T120000Z",
        "2023-W01-1T12:00:00Z",
        "2023-01-01T12:00:00 Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2019-12-24T12:00:03[Europe/Paris]",
        "2019-12-24T12:00:03Z[]",
        "2019-12-24T12:00:03Z[UTC",
        "2019-12-24T12:00:03Z[UTC][UTC]",
        "2019-12-24T12:00:03Z [UTC]",
        "2019-12-24T12:00:03Z[1]",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """Impossible dates, clocks and offsets, forms beyond RFC 3339, and years beyond 1 to 9999."""
    with pytest.raises(ValueError):  # noqa: PT011
        parse_timestamp(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
def test_a_zone_that_leads_out_of_the_years_is_refused(text: str) -> None:
    """The overflow of Python's own datetime never comes through."""
    offset = timezone(timedelta(hours=14 if text < "2" else -12))
    with pytest.raises(ValueError, match="years 1 to 9999"):
        parse_timestamp(text, offset)


@given(central_times, minutes)
def test_what_python_writes_is_read(time: datetime, offset: int) -> None:
    """Every time with every offset is the same instant, floored to its millisecond."""
    aware = time.replace(tzinfo=timezone(timedelta(minutes=offset)))
    floored = aware - timedelta(microseconds=aware.microsecond % 1000)
    assert parse_timestamp(aware.isoformat()) == floored


almost_iso = st.from_regex(
    r"\d{4,5}-\d\d-\d\d[Tt ][012]\d:\d\d(:\d\d)?([.,]\d*)?[-+ Zz]?(\d\d:?\d\d)?"
)


@given(st.text() | almost_iso)
@example("2023-01-01T12:00:00\N{ARABIC-INDIC DIGIT FIVE}Z")
@example("\ud800")
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    """No other exception comes out, so that no text can fail the server."""
    try:
        parsed = parse_timestamp(text)
    except ValueError:
        return
    assert (parsed.tzinfo, parsed.microsecond % 1000) == (UTC, 0)
