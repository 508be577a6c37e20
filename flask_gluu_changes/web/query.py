"""The parameters of a request in both forms: their schemas, and the parser that loads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import marshmallow as ma
from flask import Request, request
from marshmallow import fields
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from ..settings.base import Settings
from ..timestamps import parse_timestamp

MAX_START = 2**31 - 1
CACHED_QUERIES, CACHED_QUERY_LENGTH = 256, 1000
"""The most query strings whose arguments are cached, and the most octets of each."""

MAX_ECHOED = 64
"""The most characters of a wrong value that are repeated in the error that names it."""

LATEST = "latest"
USUAL_COUNT = 200


def echo(value: str) -> str:
    """Quote a client's value for an error message: escaped to printable ASCII, and cut."""
    # cut twice: a value may be very long, and escapes are longer than what they stand for
    escaped = ascii(value[:MAX_ECHOED])[1:-1]
    is_cut = max(len(escaped), len(value)) > MAX_ECHOED
    return f"'{escaped[:MAX_ECHOED]}{'…' if is_cut else ''}'"


class TimeStamp(fields.String):
    """An ISO 8601 date-time; one without offset is in the configured zone."""

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
        # int() accepts more than digits of ASCII, and fails on thousands of them
        digits = value.lstrip("0") or "0" if re.fullmatch("[0-9]+", value) else ""
        if not 0 < len(digits) <= len(str(self._high)) or not (
            self._low <= int(digits) <= self._high
        ):
            raise ma.ValidationError(
                f"No suitable value: {echo(value)}; send a whole number"
                f" from {self._low} to {self._high}"
            )
        return int(digits)


class Names(fields.String):
    """Attribute names with commas between them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        names = [name.strip() for name in value.split(",")]
        if not all(re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name) for name in names):
            raise ma.ValidationError(
                f"No suitable value: {echo(value)}; send attribute names with commas between them"
            )
        return tuple(names)


FEED_PARAMS = {"cursor", "deltaToken"}
NO_JOURNAL = "It needs a journal, which this server does not keep; ask by timeStamp and pagesize"


class QueryParser(FlaskParser):
    """Parses the query string and refuses what two parsers could read differently.

    Clients that poll send the same query string again and again, so the arguments of short ones
    are cached.
    """

    def __init__(self) -> None:
        super().__init__()
        self._parse_cached = lru_cache(CACHED_QUERIES)(self._parse_anew)

    def parse(self, argmap: Any, req: Request | None = None, **kwargs: Any) -> Any:
        """Return the arguments of a schema; they are shared, so nobody may change them."""
        if req is not None or len(request.query_string) > CACHED_QUERY_LENGTH:
            return super().parse(argmap, req, **kwargs)
        return self._parse_cached(argmap, request.query_string, **kwargs)

    def _parse_anew(self, argmap: Any, _: bytes, **kwargs: Any) -> Any:
        # the query string is a parameter only to be part of the cache's key; errors are not cached
        return super().parse(argmap, **kwargs)

    def load_querystring(self, req: Request, schema: ma.Schema) -> Mapping[str, str]:
        """Return each known parameter once; `pageSize` is the second spelling of `pagesize`."""
        sent = _arguments(req)
        for name in (*schema.fields, "pageSize"):
            if len(sent.getlist(name)) > 1:
                raise ma.ValidationError({name: ["It is repeated; send it once"]})
        values = {name: sent[name] for name in schema.fields if name in sent}
        if "timeStamp" not in sent and (
            strange := FEED_PARAMS & sent.keys() - schema.fields.keys()
        ):
            raise ma.ValidationError({min(strange): [NO_JOURNAL]})
        second = sent.get("pageSize")
        if second is None:
            return values
        if values.setdefault("pagesize", second) != second:
            raise ma.ValidationError({"pagesize": ["It differs from pageSize; send one of them"]})
        return values


def _arguments(req: Request) -> MultiDict[str, str]:
    """Return the arguments; werkzeug fails for octets that are neither encoded nor UTF-8."""
    try:
        return req.args
    except UnicodeDecodeError as error:
        raise BadRequest("The query string is not UTF-8; percent-encode it") from error


def query_schema(settings: Settings) -> ma.Schema:
    """Return the schema of the timeStamp form's parameters for an application's limits."""
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


class TwoForms(ma.Schema):
    """Loads a query by the schema of its form; its own fields, of both, are for the documents."""

    by_time: ma.Schema
    by_token: ma.Schema

    def load(self, data: Any, **kwargs: Any) -> Any:
        """Load a query as the timeStamp form unless it holds a token."""
        form = self.by_token if {"cursor", "deltaToken"} & data.keys() else self.by_time
        _refuse_a_mixture(data, form is self.by_token)
        return form.load({n: v for n, v in data.items() if n in form.fields}, **kwargs)


def two_forms_schema(settings: Settings) -> ma.Schema:
    """Return the schema of the parameters of both forms, where a journal is served."""
    token_fields = _token_fields(settings)
    by_token = ma.Schema.from_dict(token_fields, name="TokenQuery")()
    both = {**_optional(query_schema(settings)), **token_fields}
    schema: TwoForms = TwoForms.from_dict(both, name="UpdatedUsersQuery")()  # type: ignore[assignment]
    schema.by_time, schema.by_token = query_schema(settings), by_token
    return schema


def _refuse_a_mixture(data: Mapping[str, str], by_token: bool) -> None:
    if not by_token:
        return
    for name in ("timeStamp", "start", "pagesize"):
        if name in data:
            text = "It does not go with cursor and deltaToken; send count for the size of a page"
            raise ma.ValidationError({name: [text]})
    for first, second in (("cursor", "deltaToken"), ("attributes", "excludedAttributes")):
        if {first, second} <= data.keys():
            raise ma.ValidationError({first: [f"It does not go with {second}; send one of them"]})


def _optional(schema: ma.Schema) -> dict[str, fields.Field[Any]]:
    for field in schema.fields.values():
        field.required = False
    return dict(schema.fields)


def _token_fields(settings: Settings) -> dict[str, fields.Field[Any]]:
    described = {
        "cursor": "Empty: everything there is. Else the `nextCursor` of the page before.",
        "deltaToken": "What came since this `nextDeltaToken`; `latest` gives one from now on.",
    }
    names = {
        "attributes": "The only attributes to show, with commas between them; inum always is.",
        "excludedAttributes": "Attributes not to show, with commas between them.",
    }
    most = settings.max_page_size
    return {
        **{n: fields.String(metadata={"description": text}) for n, text in described.items()},
        "count": WholeNumber(
            1,
            most,
            load_default=min(USUAL_COUNT, most),
            metadata={"description": "Entries and removals on a page of the token forms."},
        ),
        **{n: Names(metadata={"description": t}) for n, t in names.items()},
    }
