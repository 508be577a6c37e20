"""A value that does not fit its type is refused by that name; types have the names of Gluu."""

from __future__ import annotations

import orjson
import pytest

from flask_gluu_changes import AttributeType
from flask_gluu_changes.model import Value
from flask_gluu_changes.values import typed, untyped

T = AttributeType


@pytest.mark.parametrize(
    ("kind", "values", "reason"),
    [
        (T.BOOLEAN, [b"yes", "True", 2, -1, b""], "not a Boolean"),
        (T.NUMERIC, [b"1.0", "+1", "01", b"-0", "", " 1", True], "not an Integer"),
        (T.GENERALIZED_TIME, [b"now", "2024", 5], "not a GeneralizedTime"),
    ],
)
def test_a_misfit_is_refused_with_the_name_of_its_type(
    kind: AttributeType, values: list[Value], reason: str
) -> None:
    """RFC 4517's name."""
    for value in values:
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            typed(value, kind)
        assert str(caught.value) == reason


def test_types_have_the_names_that_gluu_registers() -> None:
    """Settings and journals hold them."""
    assert [str(kind) for kind in AttributeType] == [
        "string",
        "numeric",
        "boolean",
        "generalizedTime",
        "binary",
        "certificate",
        "photo",
        "json",
    ]


@pytest.mark.parametrize("sign", [1, -1])
def test_an_integer_beyond_what_python_writes_is_shown_in_hexadecimal(sign: int) -> None:
    """Sign included; nothing fails."""
    number = sign * 10**5000
    assert untyped(number) == hex(number)


@pytest.mark.parametrize("sign", ["", "-"])
def test_an_integer_has_as_many_digits_as_readers_of_json_take(sign: str) -> None:
    """One more is a misfit, with or without a sign."""
    longest = sign + "1" * 4300
    assert orjson.dumps(typed(longest, T.NUMERIC)) == longest.encode()
    with pytest.raises(ValueError, match="not an Integer"):
        typed(longest + "1", T.NUMERIC)
