"""The schemas of the answers: pages of both forms, and the status of the journal."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields


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


class RemovedSchema(ma.Schema):
    """A person that was removed."""

    class Meta:  # noqa: D106
        register = False

    id = fields.String(data_key="@id", required=True)
    version = fields.Integer(data_key="@version", required=True, metadata={"format": "int64"})
    inum = fields.String()
    uid = fields.String()
    reason = fields.String(required=True, validate=ma.validate.OneOf(["deleted", "outOfScope"]))


class DeltaTokenSchema(ma.Schema):
    """The token from which the next run begins."""

    class Meta:  # noqa: D106
        register = False

    value = fields.String(required=True)
    expiry = fields.DateTime(required=True)


# apispec names a schema in the documents by the name of its class, and the two pages have one name:
# a client that was generated before there was a journal keeps the name of its class.
DeltaPageSchema = UpdatedUsersPageSchema.from_dict(
    {
        "latestUpdateAt": fields.DateTime(
            metadata={
                "description": "Highest change time in this response; on an empty page of the"
                " timeStamp form the time that was asked for, in the token forms missing."
            },
        ),
        "results": fields.List(
            fields.Dict(keys=fields.String(), values=fields.Raw()),
            required=True,
            metadata={
                "description": "One object an entry: attribute names to arrays of values; in the"
                " token forms `@id`, `@version` and `@changeType` (created or updated) as well."
            },
        ),
        "removed": fields.List(fields.Nested(RemovedSchema)),
        "itemsPerPage": fields.Integer(
            metadata={"description": "Entries and removals in this response."}
        ),
        "nextCursor": fields.String(metadata={"description": "There are more pages."}),
        "nextDeltaToken": fields.Nested(
            DeltaTokenSchema, metadata={"description": "On the last page only."}
        ),
    },
    name=UpdatedUsersPageSchema.__name__,
)
"""A page of either form; what the timeStamp form does not have is not required."""


class StatusSchema(ma.Schema):
    """The status of the journal."""

    class Meta:  # noqa: D106
        register = False

    level = fields.String(required=True, metadata={"description": "`exact` or `lagging`."})
    why = fields.String(required=True)
    epoch = fields.String(required=True)
    head = fields.Integer(
        required=True, metadata={"format": "int64", "description": "Place of the last change."}
    )
    built = fields.Boolean(required=True)
    confirmedAt = fields.DateTime(  # noqa: N815
        required=True,
        allow_none=True,
        metadata={"description": "When the store was last known to hold nothing newer."},
    )
    quarantined = fields.Integer(
        required=True,
        metadata={"description": "Entries that could not be written as they are now."},
    )
    heldRemovals = fields.Integer(  # noqa: N815
        required=True,
        metadata={"description": "Removals that are held back: too many came at once."},
    )
