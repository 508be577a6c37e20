"""A server that answers `UpdatedUsers` as Gluu's own does, its bugs included, over a real socket.

After the sources of Gluu 4 and of Janssen: neither tokens nor removals, times alone. What a client
has to live with, each by its rule here:

- Only `pageSize` is read, and where it is missing that is an error, though the documents say
  `pagesize`.
- `total` counts this page, and `latestUpdateAt` is left out where nobody on it was ever updated.
- Results are ordered by uid within a part of 200; a directory hands the parts out in its own order.
- A change counts where its writer sets `updatedAt`; who was deleted is never told.
- Values are typed by best effort: texts that look like a time are rewritten, large numbers become
  texts, octets are decoded as if they were text.
- Errors repeat the text of an exception.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count, islice
from typing import Any, TypeAlias

from flask import Flask, Response, json, request

from flask_gluu_changes.timestamps import (
    parse_generalized_time,
    parse_timestamp,
    to_generalized_time,
    to_micros,
)

from .serving import Serving

PATH = "/identity/restv1/scim/UpdatedUsers"

Person: TypeAlias = dict[str, list[str | bytes]]

CHUNK = 200
"""What is searched for at a time."""

TYPES = {
    "gluuSLAManager": "boolean",
    "oxTrustActive": "boolean",
    "myIntegerCustomAttribute": "numeric",
    "updatedAt": "generalizedTime",
    "oxCreationTimestamp": "generalizedTime",
    "jansCreationTimestamp": "generalizedTime",
    "birthdate": "generalizedTime",
}
"""Registered types; all others are strings."""

HIDDEN = ("objectClass", "dn", "userPassword")

BAD_PAGE = "No suitable value for 'start' or 'pageSize' params"

_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?")

START = datetime(2026, 1, 1, tzinfo=UTC)


class GluuServer(Serving):
    """Everything it knows is public here: tests write people, plan faults and let time pass.

    Attributes:
        now: The server's clock, which stands still until a test lets time pass.
        people: Everybody by inum, in the order of the directory.
        sorts_all: Whether the order by uid goes across parts, as with a database.
        most: The most results on a page, whatever `pageSize` says.
        between: Called after each answer with the number of answers so far.
        faults: Statuses of the next answers; 200 is none.
        token: The token to ask for; empty asks for none.
        asked: The queries of all requests.
    """

    creation = "oxCreationTimestamp"

    def __init__(self) -> None:
        super().__init__(self._make_app())
        self.now = START
        self.people: dict[str, Person] = {}
        self.sorts_all = False
        self.most = 10_000
        self.between: Callable[[int], object] = lambda _: None
        self.faults: list[int] = []
        self.token = ""
        self.asked: list[dict[str, str]] = []
        self._inums = count(1)

    # --- what others do to the directory ----------------------------------------------------

    def create(self, uid: str, *, skew: float = 0, **more: list[str | bytes]) -> str:
        """Add somebody as SCIM does: with a time of creation alone; return the inum.

        skew: seconds that the writer's clock is ahead.
        """
        inum = f"inum-{next(self._inums)}"
        self.people[inum] = {
            "objectClass": ["top", "gluuPerson"],
            "inum": [inum],
            "uid": [uid],
            self.creation: [self.stamp(skew)],
            **more,
        }
        return inum

    def update(self, inum: str, *, skew: float = 0, **changed: list[str | bytes]) -> None:
        """Change somebody as SCIM does."""
        self.people[inum] |= {**changed, "updatedAt": [self.stamp(skew)]}

    def edit(self, inum: str, **changed: list[str | bytes]) -> None:
        """Change somebody as a tool of the directory does, which sets no time."""
        self.people[inum] |= changed

    def delete(self, inum: str) -> None:
        """Remove somebody."""
        del self.people[inum]

    def stamp(self, skew: float = 0) -> str:
        """Return what a writer would note now."""
        return to_generalized_time(self.now + timedelta(seconds=skew))

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    # --- what it answers --------------------------------------------------------------------

    def _make_app(self) -> Flask:
        app = Flask("gluu")
        app.add_url_rule(PATH, "updated_users", self._answer)
        return app

    def _answer(self) -> Response:
        self.asked.append(request.args.to_dict())
        try:
            answer = self._refusal() or self._page()
        except Exception as error:  # as the Java code does
            answer = _error(500, f"Unexpected error: {error}")
        answer.headers["Date"] = format_datetime(self.now.replace(microsecond=0), usegmt=True)
        self.between(len(self.asked))
        return answer

    def _refusal(self) -> Response | None:
        status = self.faults.pop(0) if self.faults else 200
        if status != 200:
            return _error(status, "Unexpected error: LDAPException: jane@example.org")
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return _error(403, "Invalid token")
        return None

    def _page(self) -> Response:
        since = _instant(request.args.get("timeStamp"))
        start, size = (int(request.args.get(name, 0)) for name in ("start", "pageSize"))
        if since is None:
            return _error(400, f"Unparsable date: {request.args.get('timeStamp', 'null')}")
        if start < 0 or size <= 0:
            return _error(400, BAD_PAGE)
        matching = [p for p in self.people.values() if self._is_since(p, since)]
        results = list(self._part(matching, start, min(size, self.most)))
        body: dict[str, Any] = {"total": len(results), "results": [*map(_typed, results)]}
        updates = [e["updatedAt"][0] for e in body["results"] if "updatedAt" in e]
        if updates:
            body["latestUpdateAt"] = max(updates)
        return Response(json.dumps(body), content_type="application/json; charset=utf-8")

    def _is_since(self, person: Person, since: int) -> bool:
        """Compare inclusively, as the filter does."""
        times = [*person.get("updatedAt", []), *person.get(self.creation, [])]
        return any(parse_generalized_time(str(time))[1] >= since for time in times)

    def _part(self, people: list[Person], start: int, size: int) -> Iterator[Person]:
        if self.sorts_all:
            yield from sorted(people, key=_uid)[start : start + size]
            return
        part = iter(people[start : start + size])
        while chunk := sorted(islice(part, CHUNK), key=_uid):
            yield from chunk


class JanssenServer(GluuServer):
    """The same operation under the names of Janssen."""

    creation = "jansCreationTimestamp"


def _uid(person: Person) -> str:
    return str(person["uid"][0]).lower()


def _instant(text: str | None) -> int | None:
    """Read a time as Java does: it knows no blank for a `+`; without an offset it is local."""
    if text is None or not _DATE.fullmatch(text):
        return None
    return to_micros(parse_timestamp(text))


def _typed(person: Person) -> dict[str, Any]:
    shown = sorted(name for name in person if name not in HIDDEN)
    return {name: [_guessed(TYPES.get(name, ""), v) for v in person[name]] for name in shown}


def _guessed(kind: str, value: str | bytes) -> bool | int | str:
    """Type a value by best effort."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    if kind == "boolean":
        return text.lower() == "true"
    if kind == "numeric":
        return int(text) if -(2**31) <= int(text) < 2**31 else text
    try:
        return parse_generalized_time(text)[0]
    except ValueError:
        return text


def _error(status: int, detail: str) -> Response:
    schemas = ["urn:ietf:params:scim:api:messages:2.0:Error"]
    body = {"schemas": schemas, "status": str(status), "detail": detail}
    return Response(json.dumps(body), status, content_type="application/json; charset=utf-8")
