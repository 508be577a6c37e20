"""What is noted of a request while it is answered, for the record that is made at its end."""

from __future__ import annotations

from collections.abc import Mapping
from random import getrandbits
from re import compile as compile_pattern
from time import monotonic
from typing import Any

from flask import request

REQUEST_ID = "X-Request-Id"

PROBES = ("/livez", "/readyz")
"""Ends of paths that are asked every few seconds, by nobody of interest."""

_KEY = "flask_gluu_changes.observation"
_USUAL_ID = compile_pattern(r"[A-Za-z0-9._:+/=@-]{1,64}")


class Observation:
    """What is noted of one request.

    Attributes:
        environ: The request's.
        request_id: The client's own, if it can be one, else a random one.
        began: When the request came, by the monotonic clock.
        form: The kind of the answer; empty while nothing more than the URL tells it.
        asked: The range that was asked for.
        entries: How many people the answer holds.
        removals: How many removals it holds.
        reason: Why the request was refused, as far as it was noted.
        is_open: Whether the body is a stream that is not complete yet.
    """

    __slots__ = (
        "asked",
        "began",
        "entries",
        "environ",
        "form",
        "is_open",
        "reason",
        "removals",
        "request_id",
    )

    def __init__(self, environ: Mapping[str, Any], request_id: str) -> None:
        self.environ, self.request_id = environ, request_id
        self.began = monotonic()
        self.form = self.reason = ""
        self.asked: Mapping[str, object] = {}
        self.entries = self.removals = 0
        self.is_open = False

    def note_asked(self, form: str, **asked: object) -> None:
        """Note what is asked for; None is left out of the range."""
        self.form, self.asked = form, asked

    def note_told(self, entries: int, removals: int = 0) -> None:
        """Note that so many more entries and removals are in the answer."""
        self.entries += entries
        self.removals += removals

    def note_refused(self, reason: str) -> None:
        """Note why the request is refused."""
        self.reason = reason

    def note_waits(self) -> None:
        """Note that the request waits for a change."""
        self.form = "wait"

    def note_stream(self, *, is_open: bool) -> None:
        """Note that the answer is a stream, and later that it is complete."""
        self.form, self.is_open = "stream", is_open


class Unobserved(Observation):
    """Stands for the observation of a request that nobody observes."""

    __slots__ = ()

    def note_asked(self, form: str, **asked: object) -> None:
        """Do nothing."""

    def note_told(self, entries: int, removals: int = 0) -> None:
        """Do nothing."""

    def note_refused(self, reason: str) -> None:
        """Do nothing."""

    def note_waits(self) -> None:
        """Do nothing."""

    def note_stream(self, *, is_open: bool) -> None:
        """Do nothing."""


_UNOBSERVED = Unobserved({}, "")


def begin() -> None:
    """Begin to observe the current request, unless it is a probe: these come all the time."""
    environ = request.environ
    if not environ["PATH_INFO"].endswith(PROBES):
        environ[_KEY] = Observation(environ, _taken_over(environ) or _made())


def observed() -> Observation:
    """Return the observation of the current request, or one that notes nothing."""
    found: Observation = request.environ.get(_KEY, _UNOBSERVED)
    return found


def _taken_over(environ: Mapping[str, Any]) -> str:
    """Return a client's own id; empty where it is none, or what it may be is a token."""
    sent = environ.get("HTTP_X_REQUEST_ID")
    if not sent or not _USUAL_ID.fullmatch(sent):
        return ""
    return "" if sent in environ.get("HTTP_AUTHORIZATION", "") else str(sent)


def _made() -> str:
    return f"{getrandbits(64):016x}"
