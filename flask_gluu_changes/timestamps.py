"""Times: read from ISO 8601 (requests) and GeneralizedTime (directories), written as both.

A *moment* is the pair (text, microseconds): the time as Java's `Instant.toString` prints it, and
the microseconds since 1970-01-01T00:00:00Z, by which times are compared.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TypeAlias

Moment: TypeAlias = tuple[str, int]
"""A time as text, and in microseconds since the epoch."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_NAIVE_EPOCH = EPOCH.replace(tzinfo=None)
_TO_MILLIS = len("2020-01-01T00:00:00.000")

_ISO_8601 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt]((?!24)\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,30}))?"
    r"(?:([Zz]|[+\- ]\d\d:?[0-5]\d)(?:\[[A-Za-z+-][A-Za-z0-9~/._:+-]*\])?)?",
    re.ASCII,
)
_HOURS, _MINUTES, _SECONDS = (
    {f"{n:02}": n * micros for n in range(count)}
    for count, micros in ((24, 3600 * 10**6), (60, 60 * 10**6), (60, 10**6))
)
"""Two digits to microseconds; `int()` would accept more, such as blanks and underscores."""

_LONGEST_TAIL = 32
"""Characters of a fraction and the zone; longer ones are read as a rare form."""

_GENERALIZED_TIME = re.compile(
    r"(\d{4})(\d\d)(\d\d)((?!24)\d\d)(?:(\d\d)(\d\d)?)?(?:[.,](\d+))?(Z|[+-]\d\d(?:[0-5]\d)?)",
    re.ASCII,
)


def parse_timestamp(text: str, naive: tzinfo = UTC) -> datetime:
    """Return the time stamp of a request in UTC, rounded down to whole milliseconds.

    Args:
        text: An ISO 8601 date-time. A blank before a trailing hh:mm is read as the `+` that a
            client forgot to percent-encode. The name of a zone in brackets, which Java writes and
            Gluu reads after an offset, does not count: the offset says all.
        naive: The zone of a time without offset.

    Raises:
        ValueError: The text is no ISO 8601 date-time between the years 1 and 9999.
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
    """Return a time as an LDAP GeneralizedTime in UTC with milliseconds (RFC 4517, 3.3.13)."""
    utc = moment.astimezone(UTC)
    # strftime does not pad the year everywhere
    return f"{utc.year:04}{utc:%m%d%H%M%S}.{utc.microsecond // 1000:03}Z"


def to_instant(moment: datetime) -> str:
    """Return a time as Java's `Instant.toString`: UTC, no fraction if zero, else 3 or 6 digits."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="seconds") + _fraction_of(utc.microsecond)


def to_micros(moment: datetime) -> int:
    """Return the microseconds from 1970-01-01T00:00:00Z to a time."""
    return (moment - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the time, in UTC, that lies so many microseconds after 1970-01-01T00:00:00Z."""
    return EPOCH + timedelta(microseconds=micros)


def moment_of(time: datetime) -> Moment:
    """Return the text and the microseconds of a time.

    Args:
        time: A time in any zone; one without zone is in UTC, as databases store it.

    Raises:
        ValueError: Its offset moves it out of the years 1 to 9999.
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
    """Return the text, to the nanosecond, and the microseconds of a GeneralizedTime.

    Args:
        text: A time in any form that RFC 4517, section 3.3.13 allows.

    Raises:
        ValueError: It is no such time, or a leap second, which Java's `Instant` cannot hold.
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
    """Read a time with an offset, with a comma, or without minutes or seconds."""
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


# Few days, and with milliseconds at most 1000 fractions, recur in the times of an answer.
@lru_cache(maxsize=4096)
def _day(text: str) -> Moment:
    day = datetime.strptime(_digits(text, 8), "%Y%m%d").replace(tzinfo=UTC)
    return day.date().isoformat(), to_micros(day)


@lru_cache(maxsize=4096)
def _tail(text: str) -> Moment:
    if text == "Z":
        return text, 0
    if len(text) > _LONGEST_TAIL:
        raise ValueError("too long to be cached")
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
    # isdigit() alone accepts the digits of every script
    if len(text) != length or (text and not (text.isascii() and text.isdigit())):
        raise ValueError("not a GeneralizedTime")
    return text
