"""Entries with odd names and odd values, as a store of somebody's own may give them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from flask_gluu_changes.values import AttributeType

from .octets import FLOATS, INTEGERS, TEXTS, mangled

ZONES = st.none() | st.timedeltas(
    timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59)
).map(timezone)

GENERALIZED = mangled(
    st.sampled_from(
        [
            b"20240501120000.500Z",
            b"20240501120000Z",
            b"2024050112+0530",
            b"00010101000000+1400",
            b"99991231235959.999999-1400",
            b"20240501120060Z",
            b"202405011200,5Z",
        ]
    ),
    most=2,
)

VALUES: st.SearchStrategy[Any] = st.one_of(
    st.binary(max_size=20),
    GENERALIZED,
    GENERALIZED.map(lambda octets: octets.decode(errors="surrogateescape")),
    st.sampled_from([b"TRUE", b"false", b"1", b"-0", b"007", b"9" * 4300, b"-" + b"9" * 5000]),
    TEXTS,
    INTEGERS,
    st.booleans(),
    st.datetimes(timezones=ZONES),
    st.sampled_from([datetime.min, datetime.max, datetime.max.replace(tzinfo=UTC)]),
    # what no backend should give, and some will
    FLOATS,
    st.none(),
    st.sampled_from([date(2024, 5, 1), Decimal("NaN"), Decimal("1e400"), timedelta(1), b"", ""]),
    st.binary(max_size=9).map(bytearray),
    st.lists(TEXTS | INTEGERS, max_size=2),
)

KINDS: dict[str, AttributeType] = {kind.name: kind for kind in AttributeType}
TIMES = ("updatedAt", "oxCreationTimestamp", "modifyTimestamp")
NAMES = (
    st.sampled_from(["uid", "inum", "cn;lang-de", "userPassword", *TIMES, *KINDS])
    | TEXTS
    | st.sampled_from(["@id", "@version", '"@version":', "@omitted", "__proto__"])
)

ENTRIES = st.dictionaries(NAMES, st.lists(VALUES, max_size=3) | VALUES.map(lambda v: (v,)))
ENTRIES_AT = ENTRIES.map(lambda entry: {"updatedAt": [b"20240501120000Z"], **entry})
"""With a time by which the timeStamp form finds most of them."""


def type_of(name: str) -> AttributeType | None:
    """Give the type that an attribute is named after."""
    return KINDS.get(name)
