"""The token protocol's contract in marshmallow; served beside the timeStamp form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields

from . import schemas
from .schemas import WholeNumber, echo, query_schema
from .settings import Settings

LATEST = "latest"
USUAL_COUNT = 200


class Names(fields.String):
    """Attribute names with commas between them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        names = [name.strip() for name in value.split(",")]
        if not all(re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name) for name in names):
            raise ma.ValidationError(
                f"No suitable value: {echo(value)}; send attribute names with commas between them"
            )
        return tuple(names)


class TwoForms(ma.Schema):
    """Loads a query by the schema of its form; the fields of both are there for documents."""

    by_time: ma.Schema
    by_token: ma.Schema

    def load(self, data: Any, **kwargs: Any) -> Any:
        """Load as the timeStamp form unless a token is there."""
        form = self.by_token if {"cursor", "deltaToken"} & data.keys() else self.by_time
        _refuse_a_mixture(data, form is self.by_token)
        return form.load({n: v for n, v in data.items() if n in form.fields}, **kwargs)


def two_forms_schema(settings: Settings) -> ma.Schema:
    """Build the schema of a request's parameters where a journal is served."""
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


class RemovedSchema(ma.Schema):
    """Somebody who is no more among the people."""

    class Meta:  # noqa: D106
        register = False

    id = fields.String(data_key="@id", required=True)
    version = fields.Integer(data_key="@version", required=True)
    inum = fields.String(required=True)
    uid = fields.String(required=True)
    reason = fields.String(required=True, validate=ma.validate.OneOf(["deleted", "outOfScope"]))


class DeltaTokenSchema(ma.Schema):
    """Where the next run begins."""

    class Meta:  # noqa: D106
        register = False

    value = fields.String(required=True)
    expiry = fields.DateTime(required=True)


class UpdatedUsersPageSchema(schemas.UpdatedUsersPageSchema):
    """A page of either form; what the timeStamp form does not have is not required.

    It keeps its name, so that generated clients keep theirs.
    """

    class Meta:  # noqa: D106
        unknown = ma.EXCLUDE
        register = False

    latestUpdateAt = fields.DateTime(  # noqa: N815
        metadata={
            "description": "Highest change time in this response; on an empty page of the timeStamp"
            " form the time that was asked for, in the token forms missing."
        },
    )
    results = fields.List(
        fields.Dict(keys=fields.String(), values=fields.Raw()),
        required=True,
        metadata={
            "description": "One object an entry: attribute names to arrays of values; in the token"
            " forms `@id`, `@version` and `@changeType` (created or updated) as well."
        },
    )
    removed = fields.List(fields.Nested(RemovedSchema))
    itemsPerPage = fields.Integer(  # noqa: N815
        metadata={"description": "Entries and removals in this response."}
    )
    nextCursor = fields.String(metadata={"description": "There are more pages."})  # noqa: N815
    nextDeltaToken = fields.Nested(  # noqa: N815
        DeltaTokenSchema, metadata={"description": "On the last page only."}
    )


class StatusSchema(ma.Schema):
    """What the journal says of itself."""

    class Meta:  # noqa: D106
        register = False

    level = fields.String(required=True, metadata={"description": "`exact` or `lagging`."})
    why = fields.String(required=True)
    epoch = fields.String(required=True)
    head = fields.Integer(required=True, metadata={"description": "Place of the last change."})
    built = fields.Boolean(required=True)
    confirmedAt = fields.DateTime(  # noqa: N815
        required=True,
        allow_none=True,
        metadata={"description": "When the store was last known to hold nothing newer."},
    )
