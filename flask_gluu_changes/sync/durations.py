"""Times on a command line, as people write them."""

from __future__ import annotations

import re

import click

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
"""Seconds."""

_DURATION = re.compile(r"(\d{1,9})\s*([smhdw]?)", re.ASCII)


def duration(text: str) -> float:
    """Return the seconds of a number, or of a number with a unit: `90`, `30m`, `12h`, `7d`.

    Raises:
        BadParameter: It is neither.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise click.BadParameter(f"{text!r} is no time; write 90, 30m, 12h or 7d")
    return float(int(match[1]) * UNITS[match[2]])


def some_time(text: str) -> float:
    """Return the same, of a time that is not 0.

    Raises:
        BadParameter: It is none.
    """
    seconds = duration(text)
    if not seconds:
        raise click.BadParameter("it is no time at all; write 90, 30m, 12h or 7d")
    return seconds
