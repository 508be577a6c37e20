"""Times on their way in and out: ISO 8601 in requests, GeneralizedTime in directories.

A *moment* is the pair (text, microseconds): the time as Java's `Instant.toString` prints it, and
its distance from 1970-01-01T00:00:00Z, which is what times are compared by.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TypeAlias

Moment: TypeAlias = tuple[str, int]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_NAIVE_EPOCH = EPOCH.replace(tzinfo=None)

_ISO_8601 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt]((?!24)\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,30}))?([Zz]|[+\- ]\d\d:?[0-5]\d)?",
    re.ASCII,
)
_HOURS, _MINUTES, _SECONDS = (
    {f"{n:02}": n * micros for n in range(count)}
    for count, micros in ((24, 3600 * 10**6), (60, 60 * 10**6), (60, 10**6))
)
"""Two digits to microseconds."""

_GENERALIZED_TIME = re.compile(
    r"(\d{4})(\d\d)(\d\d)((?!24)\d\d)(?:(\d\d)(\d\d)?)?(?:[.,](\d+))?(Z|[+-]\d\d(?:[0-5]\d)?)",
    re.ASCII,
)


def parse_timestamp(text: str, naive: tzinfo = UTC) -> datetime:
    """Read the time stamp of a request, as UTC and floored to whole milliseconds.

    A time without offset is taken in the zone `naive`. A blank before a trailing hh:mm is the `+`
    that a client forgot to percent-encode. Raises ValueError for anything but an ISO 8601
    date-time between the years 1 and 9999.
    """
    match = _ISO_8601.fullmatch(text)
    if match is None or (match[4] and not match[3]):
        raise ValueError("it is not an ISO 8601 date-time")
    date, clock, seconds, fraction, offset = match.groups()
    millis = ((fraction or "") + "000")[:3]
    zone = (offset or "").replace(" ", "+").upper()
    moment = datetime.fromisoformat(f"{date}T{clock}{seconds or ':00'}.{millis}{zone}")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=naive)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("it lies outside the years 1 to 9999 in UTC") from error


def to_generalized_time(moment: datetime) -> str:
    """Write a time as an LDAP GeneralizedTime in UTC with milliseconds (RFC 4517, 3.3.13)."""
    utc = moment.astimezone(UTC)
    return f"{utc.year:04}{utc:%m%d%H%M%S}.{utc.microsecond // 1000:03}Z"


def to_instant(moment: datetime) -> str:
    """Write a time as Java's `Instant.toString`: UTC, no fraction when zero, else 3 or 6 digits."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="seconds") + _fraction_of(utc.microsecond)


def to_micros(moment: datetime) -> int:
    """Count the microseconds from the epoch to a time."""
    return (moment - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """Turn microseconds since the epoch back into a time."""
    return EPOCH + timedelta(microseconds=micros)


_TO_MILLIS = len("2020-01-01T00:00:00.000")


def moment_of(time: datetime) -> Moment:
    """Give text and microseconds of a time; one without zone is UTC, as databases store it.

    Raises ValueError when its offset carries it out of the years 1 to 9999.
    """
    try:
        utc = time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    except OverflowError as error:
        raise ValueError("it lies outside the years 1 to 9999 in UTC") from error
    since = utc - _NAIVE_EPOCH
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    text = utc.isoformat()
    return (text if utc.microsecond % 1000 else text[:_TO_MILLIS]) + "Z", micros


def parse_generalized_time(text: str) -> Moment:
    """Read a GeneralizedTime of any form that RFC 4517 allows, to the nanosecond.

    Raises ValueError when it is none, a leap second included (Java's `Instant` has none).
    """
    hour, minute, second = text[8:10], text[10:12], text[12:14]
    try:
        day, micros = _day(text[:8])
        tail, more = _tail(text[14:])
        more += _HOURS[hour] + _MINUTES[minute] + _SECONDS[second]
    except (KeyError, ValueError):
        return _parse_rare_form(text)
    return f"{day}T{hour}:{minute}:{second}{tail}", micros + more


def _parse_rare_form(text: str) -> Moment:
    match = _GENERALIZED_TIME.fullmatch(text)
    if match is None:
        raise ValueError("not a GeneralizedTime")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    if int(second or 0) == 60:
        raise ValueError("a leap second")
    unit = 1 if second else 60 if minute else 3600
    nanos = unit * 10**9 * int(fraction or 0) // 10 ** len(fraction or "")
    offset = "+00:00" if zone == "Z" else f"{zone[:3]}:{zone[3:] or '00'}"
    base = datetime.fromisoformat(
        f"{year}-{month}-{day}T{hour}:{minute or '00'}:{second or '00'}{offset}"
    )
    try:
        utc = base.astimezone(UTC) + timedelta(seconds=nanos // 10**9)
    except OverflowError as error:
        raise ValueError("outside the years 1 to 9999") from error
    digits, micros = _fraction(f"{nanos % 10**9:09}")
    return to_instant(utc)[:-1] + digits + "Z", to_micros(utc) + micros


@lru_cache(maxsize=4096)
def _day(text: str) -> Moment:
    day = datetime.strptime(_digits(text, 8), "%Y%m%d").replace(tzinfo=UTC)
    return day.date().isoformat(), to_micros(day)


@lru_cache(maxsize=4096)
def _tail(text: str) -> Moment:
    if text == "Z":
        return text, 0
    if text[:1] != "." or text[-1:] != "Z":
        raise ValueError("not the usual form")
    fraction, micros = _fraction(text[1:-1])
    return fraction + "Z", micros


@lru_cache(maxsize=1024)
def _fraction_of(microsecond: int) -> str:
    return _fraction(f"{microsecond:06}")[0] + "Z"


def _fraction(text: str) -> Moment:
    digits = _digits(text, len(text))[:9].rstrip("0")
    if not text:
        raise ValueError("a decimal sign without digits")
    shown = digits.ljust(-(-len(digits) // 3) * 3, "0")
    return f".{shown}" if digits else "", int(digits[:6].ljust(6, "0"))


def _digits(text: str, length: int) -> str:
    if len(text) != length or (text and not (text.isascii() and text.isdigit())):
        raise ValueError("not a GeneralizedTime")
    return text
