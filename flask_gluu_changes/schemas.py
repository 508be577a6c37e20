"""The operation's contract in marshmallow: what a request may say and what a page holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import marshmallow as ma
from flask import Request, request
from marshmallow import fields
from webargs.flaskparser import FlaskParser

from .settings import Settings
from .timestamps import parse_timestamp

MAX_START = 2**31 - 1
REMEMBERED, SHORT = 256, 1000
"""So many query strings, of so many octets."""

ECHOED = 64
"""So many characters of a wrong value are repeated in the error that names it."""


def echo(value: str) -> str:
    """Quote a client's value for an error message: escaped to printable ASCII, and cut."""
    escaped = ascii(value[:ECHOED])[1:-1]
    return f"'{escaped[:ECHOED]}{'…' if len(escaped) > ECHOED or len(value) > ECHOED else ''}'"


class TimeStamp(fields.String):
    """An ISO 8601 date-time; one without offset belongs to the configured zone."""

    def __init__(self, settings: Settings, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._naive = settings.naive_timezone

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return parse_timestamp(value, self._naive)
        except ValueError as error:
            raise ma.ValidationError(
                f"Unparsable date: {echo(value)}; send a time such as 2019-12-24T12:00:03-05:00,"
                " with '+' written as %2B"
            ) from error


class WholeNumber(fields.Integer):
    """Decimal digits between two bounds, both included."""

    def __init__(self, low: int, high: int, **kwargs: Any) -> None:
        super().__init__(validate=ma.validate.Range(low, high), **kwargs)
        self._low, self._high = low, high

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        digits = value.lstrip("0") or "0" if re.fullmatch("[0-9]+", value) else ""
        if not 0 < len(digits) <= len(str(self._high)) or not (
            self._low <= int(digits) <= self._high
        ):
            raise ma.ValidationError(
                f"No suitable value: {echo(value)}; send a whole number"
                f" from {self._low} to {self._high}"
            )
        return int(digits)


class QueryParser(FlaskParser):
    """Reads the query string and refuses what two readers could understand differently.

    Clients ask the same again and again: what a short query string was read as is remembered.
    """

    def __init__(self) -> None:
        super().__init__()
        self._read = lru_cache(REMEMBERED)(self._read_anew)

    def parse(self, argmap: Any, req: Request | None = None, **kwargs: Any) -> Any:
        """Give the arguments of a schema; nobody may change them."""
        if req is not None or len(request.query_string) > SHORT:
            return super().parse(argmap, req, **kwargs)
        return self._read(argmap, request.query_string, **kwargs)

    def _read_anew(self, argmap: Any, _: bytes, **kwargs: Any) -> Any:
        return super().parse(argmap, **kwargs)

    def load_querystring(self, req: Request, schema: ma.Schema) -> Mapping[str, str]:
        """Give each known parameter once; `pageSize` is the second spelling of `pagesize`."""
        sent = req.args
        for name in (*schema.fields, "pageSize"):
            if len(sent.getlist(name)) > 1:
                raise ma.ValidationError({name: ["It is repeated; send it once"]})
        values = {name: sent[name] for name in schema.fields if name in sent}
        second = sent.get("pageSize")
        if second is None:
            return values
        if values.setdefault("pagesize", second) != second:
            raise ma.ValidationError({"pagesize": ["It differs from pageSize; send one of them"]})
        return values


def query_schema(settings: Settings) -> ma.Schema:
    """Build the schema of the request's parameters for an application's limits."""
    missing = {"required": "It is missing; send it in the query string"}
    parameters: dict[str, fields.Field[Any]] = {
        "timeStamp": TimeStamp(
            settings,
            required=True,
            error_messages=missing,
            metadata={
                "description": "Who was added or changed at or after this time (ISO 8601).",
                "format": "date-time",
                "example": "2019-12-24T12:00:03-05:00",
            },
        ),
        "start": WholeNumber(
            0,
            MAX_START,
            load_default=0,
            metadata={"description": "Zero-based offset of the first entry of the page."},
        ),
        "pagesize": WholeNumber(
            1,
            settings.max_page_size,
            required=True,
            error_messages=missing,
            metadata={
                "description": "Entries on a page; `pageSize` is understood as well.",
                "example": 200,
            },
        ),
    }
    return ma.Schema.from_dict(parameters, name="UpdatedUsersQuery")()


class UpdatedUsersPageSchema(ma.Schema):
    """A page of people who were added or changed."""

    class Meta:  # noqa: D106
        unknown = ma.EXCLUDE
        register = False  # the registry of names is the host's

    total = fields.Integer(
        required=True, metadata={"description": "Entries in this response, not of all matches."}
    )
    latestUpdateAt = fields.DateTime(  # noqa: N815
        required=True,
        metadata={
            "description": "Highest change time in this response, creation included; on an empty"
            " page the time stamp that was asked for."
        },
    )
    results = fields.List(
        fields.Dict(keys=fields.String(), values=fields.List(fields.Raw())),
        required=True,
        metadata={"description": "One object an entry: attribute names to arrays of values."},
    )
