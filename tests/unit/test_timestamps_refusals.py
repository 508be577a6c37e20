"""The usual forms of a time are read by the short path, and a refusal says what is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from flask_gluu_changes import timestamps as module
from flask_gluu_changes.timestamps import (
    from_micros,
    moment_of,
    parse_generalized_time,
    parse_timestamp,
    to_generalized_time,
    to_instant,
    to_micros,
)

OUTSIDE = "it lies outside the years 1 to 9999 in UTC"
NOT_ISO = "it is not an ISO 8601 date-time"


@pytest.fixture
def no_rare_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where a time is read by the long path."""

    def fail(text: str) -> None:
        raise AssertionError(text)

    monkeypatch.setattr(module, "_parse_rare_form", fail)


@pytest.mark.usefixtures("no_rare_form")
@pytest.mark.parametrize(
    ("fraction", "shown", "micros"),
    [
        ("", "", 0),
        (".0", "", 0),
        (".5", ".500", 500_000),
        (".934", ".934", 934_000),
        (".9340", ".934", 934_000),
        (".0001", ".000100", 100),
        (".000001", ".000001", 1),
        (".123456789", ".123456789", 123_456),
        (".1234567899", ".123456789", 123_456),
        (".0000001", ".000000100", 0),
    ],
)
def test_what_directories_write_is_read_by_the_short_path(
    fraction: str, shown: str, micros: int
) -> None:
    """Seconds, and a fraction behind a point, in UTC."""
    time = datetime(2019, 12, 25, 1, 27, 29, tzinfo=UTC)
    assert parse_generalized_time(f"20191225012729{fraction}Z") == (
        f"2019-12-25T01:27:29{shown}Z",
        to_micros(time) + micros,
    )


@pytest.mark.usefixtures("no_rare_form")
@pytest.mark.parametrize("unit", [timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)])
def test_every_hour_minute_and_second_is_read_by_the_short_path(unit: timedelta) -> None:
    """From the first to the last."""
    for number in range(24 if unit >= timedelta(hours=1) else 60):
        time = datetime(2024, 2, 29, tzinfo=UTC) + number * unit
        assert parse_generalized_time(f"{time:%Y%m%d%H%M%S}Z") == (
            f"{time:%Y-%m-%dT%H:%M:%S}Z",
            to_micros(time),
        )


@pytest.mark.parametrize(
    "text",
    ["20191225012729,5Z", "2019122501Z", "20191225012729+0100", "20191225012729.5-01"],
)
def test_other_forms_are_read_by_the_long_path(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is several times as slow."""
    rare: list[str] = []
    read = module._parse_rare_form

    def note(text: str) -> module.Moment:
        rare.append(text)
        return read(text)

    monkeypatch.setattr(module, "_parse_rare_form", note)
    assert parse_generalized_time(text)
    assert rare == [text]


def _refusal(read: Callable[[str], object], text: str) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        read(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a GeneralizedTime"),
        ("20191225012729z", "not a GeneralizedTime"),
        ("20191225012729.Z", "not a GeneralizedTime"),
        ("2019122524Z", "not a GeneralizedTime"),
        ("201912 5012729Z", "not a GeneralizedTime"),
        ("\u0662\u0660\u0661\u06691225012729Z", "not a GeneralizedTime"),
        ("20191225012729.\u0665Z", "not a GeneralizedTime"),
        ("2019122501.\u0665Z", "not a GeneralizedTime"),
        ("20191225012729+0560", "not a GeneralizedTime"),
        ("20161231235960Z", "a leap second"),
        ("20161231235960.5+0000", "a leap second"),
        ("20190230000000Z", "day is out of range for month"),
        ("20191301000000Z", "month must be in 1..12"),
        ("00010101000000+0001", "outside the years 1 to 9999"),
        ("99991231235959-0001", "outside the years 1 to 9999"),
        ("9999123123.99999-01", "outside the years 1 to 9999"),
    ],
)
def test_why_a_text_is_no_generalized_time(text: str, reason: str) -> None:
    """In the words that the log shows."""
    assert _refusal(parse_generalized_time, text) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x", NOT_ISO),
        ("2023-01-01T12:00.5Z", NOT_ISO),
        ("2023-01-01T12:00:00.\u0665Z", NOT_ISO),
        ("\u0662023-01-01T12:00:00Z", NOT_ISO),
        ("2023-01-01T24:00:00Z", NOT_ISO),
        ("0001-01-01T00:00:00+00:01", OUTSIDE),
        ("9999-12-31T23:59:59-00:01", OUTSIDE),
    ],
)
def test_why_a_text_is_no_time_stamp(text: str, reason: str) -> None:
    """The client reads it behind the parameter's name."""
    assert _refusal(parse_timestamp, text) == reason


@pytest.mark.parametrize("year", [datetime.min, datetime.max])
def test_why_a_datetime_cannot_be_written(year: datetime) -> None:
    """Its offset leads beyond."""
    zone = timezone(timedelta(hours=1 if year.year == 1 else -1))
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        moment_of(year.replace(tzinfo=zone))
    assert str(caught.value) == OUTSIDE


def test_fractions_of_hours_and_minutes_are_exact() -> None:
    """A comma counts as a point; nothing is rounded."""
    for text, shown in (
        ("2019122501.5Z", "2019-12-25T01:30:00Z"),
        ("2019122501,0001Z", "2019-12-25T01:00:00.360Z"),
        ("201912250127.01Z", "2019-12-25T01:27:00.600Z"),
        ("2019122501.99999999999999Z", "2019-12-25T01:59:59.999999999Z"),
        ("2019122501+01", "2019-12-25T00:00:00Z"),
        ("201912250127-0130", "2019-12-25T02:57:00Z"),
        ("2019122523.5-01", "2019-12-26T00:30:00Z"),
    ):
        read = parse_generalized_time(text)
        assert read[0] == shown
        whole = datetime.fromisoformat(shown[:19] + "+00:00")
        nanos = int((shown[20:-1] or "0").ljust(9, "0"))
        assert read[1] == to_micros(whole) + nanos // 1000


@pytest.mark.parametrize("micros", [-1, 0, 1, 999, 1000, 10**15 + 7])
def test_microseconds_are_counted_from_1970(micros: int) -> None:
    """In both directions."""
    assert to_micros(from_micros(micros)) == micros
    assert from_micros(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert from_micros(10**6) == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


@pytest.fixture
def in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the server stand there."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_new_york")
def test_no_time_depends_on_where_the_server_stands() -> None:
    """Neither one that is read nor one that is written."""
    noon, shown = datetime(2024, 7, 1, 12, tzinfo=UTC), "2024-07-01T12:00:00Z"
    read = parse_timestamp("2024-07-01T14:00:00+02:00")
    assert (read, read.utcoffset()) == (noon, timedelta(0))
    assert to_generalized_time(noon) == "20240701120000.000Z"
    assert to_instant(noon) == shown
    assert moment_of(noon) == moment_of(noon.replace(tzinfo=None)) == (shown, to_micros(noon))
    assert parse_generalized_time("20240701140000+0200") == (shown, to_micros(noon))


def test_a_time_is_written_in_utc_from_any_zone() -> None:
    """For a directory with milliseconds, and as Java writes an instant."""
    time = datetime(987, 1, 2, 3, 4, 5, 6_999, timezone(timedelta(hours=-1)))
    assert to_generalized_time(time) == "09870102040405.006Z"
    assert to_generalized_time(time.replace(microsecond=999_000)) == "09870102040405.999Z"
    assert to_instant(time) == "0987-01-02T04:04:05.006999Z"
    assert to_instant(time.replace(microsecond=6000)) == "0987-01-02T04:04:05.006Z"
    assert to_instant(time.replace(microsecond=0)) == "0987-01-02T04:04:05Z"
    assert moment_of(time) == ("0987-01-02T04:04:05.006999Z", to_micros(time))
