"""Every type turns what stores deliver into what JSON can say, or refuses it."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from orjson import Fragment

from flask_gluu_changes import AttributeType
from flask_gluu_changes.model import Value
from flask_gluu_changes.values import QUICK, JsonValue, typed, untyped

T = AttributeType
TIME = datetime(2019, 12, 25, 1, 27, 29, 934_000, tzinfo=UTC)
SHOWN = "2019-12-25T01:27:29.934Z"
AUSTRALIAN = TIME.astimezone(timezone(timedelta(hours=10)))
NOT_UTF_8 = b"\xff\x00"
BINARIES = (T.BINARY, T.CERTIFICATE, T.PHOTO)

any_octets = st.binary() | st.sampled_from([b"TRUE", b"false", b"20191225012729.934Z", b"-0"])
octets = any_octets | st.integers().map(lambda number: b"%d" % number)
python_values = st.one_of(octets, st.text(), st.integers(), st.booleans(), st.datetimes())


def _plain(value: JsonValue) -> JsonValue:
    """Make results comparable: JSON that is copied as it stands compares by its text."""
    return f"raw {orjson.dumps(value).decode()}" if isinstance(value, Fragment) else value


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (T.STRING, "Bjørn".encode(), "Bjørn"),
        (T.STRING, "Bjørn", "Bjørn"),
        (T.STRING, b"", ""),
        (T.STRING, b"20191225012729.934Z", "20191225012729.934Z"),  # strings stay strings
        (T.STRING, b"TRUE", "TRUE"),
        (T.STRING, 12, "12"),
        (T.STRING, True, "TRUE"),
        (T.STRING, False, "FALSE"),
        (T.STRING, TIME, SHOWN),
        (T.STRING, "\ud800", "?"),
        (T.JSON, b'{"a": [1]}', '{"a": [1]}'),
        (T.JSON, '{"a": [1]}', '{"a": [1]}'),
        (T.NUMERIC, b"123", 123),
        (T.NUMERIC, "-123", -123),
        (T.NUMERIC, b"0", 0),
        (T.NUMERIC, 0, 0),
        (T.NUMERIC, -5, -5),
        (T.NUMERIC, 10**17, 10**17),
        (T.BOOLEAN, b"TRUE", True),
        (T.BOOLEAN, b"false", False),
        (T.BOOLEAN, "FALSE", False),
        (T.BOOLEAN, "true", True),
        (T.BOOLEAN, True, True),
        (T.BOOLEAN, 1, True),
        (T.BOOLEAN, 0, False),
        (T.GENERALIZED_TIME, b"20191225012729.934Z", SHOWN),
        (T.GENERALIZED_TIME, "20191225022729.934+0100", SHOWN),
        (T.GENERALIZED_TIME, TIME, SHOWN),
        (T.GENERALIZED_TIME, TIME.replace(tzinfo=None), SHOWN),
        (T.GENERALIZED_TIME, AUSTRALIAN, SHOWN),
        *[(kind, NOT_UTF_8, "/wA=") for kind in BINARIES],
        *[(kind, b"text", "dGV4dA==") for kind in BINARIES],
        *[(kind, "/wA=", "/wA=") for kind in BINARIES],
        (None, b"123", "123"),
        (None, "TRUE", "TRUE"),
        (None, 123, 123),
        (None, False, False),
        (None, TIME, SHOWN),
    ],
)
def test_a_value_that_fits_is_given_in_its_types_form(
    kind: AttributeType | None, value: Value, shown: JsonValue
) -> None:
    """Octets and text by the registered type; without one, Python's values stay what they are."""
    found = typed(value, kind)
    assert (found, type(found)) == (shown, type(shown))


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (T.NUMERIC, b"-0", "-0"),
        (T.NUMERIC, b"007", "007"),
        (T.NUMERIC, b"+5", "+5"),
        (T.NUMERIC, b" 5", " 5"),
        (T.NUMERIC, b"5\n", "5\n"),
        (T.NUMERIC, b"1.0", "1.0"),
        (T.NUMERIC, b"1_0", "1_0"),
        (T.NUMERIC, b"", ""),
        (T.NUMERIC, "\N{ARABIC-INDIC DIGIT FIVE}", "\N{ARABIC-INDIC DIGIT FIVE}"),
        (T.NUMERIC, True, "TRUE"),
        (T.BOOLEAN, b"True", "True"),
        (T.BOOLEAN, b"1", "1"),
        (T.BOOLEAN, b"yes", "yes"),
        (T.BOOLEAN, 2, "2"),
        (T.GENERALIZED_TIME, b"2019-12-25T01:27:29Z", "2019-12-25T01:27:29Z"),
        (T.GENERALIZED_TIME, b"20190230000000Z", "20190230000000Z"),
        (T.GENERALIZED_TIME, 20191225, "20191225"),
        (T.STRING, NOT_UTF_8, "/wA="),
        (T.NUMERIC, NOT_UTF_8, "/wA="),
        (T.BOOLEAN, NOT_UTF_8, "/wA="),
        (T.GENERALIZED_TIME, NOT_UTF_8, "/wA="),
        (T.JSON, NOT_UTF_8, "/wA="),
        (None, NOT_UTF_8, "/wA="),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_has_a_text(
    kind: AttributeType | None, value: Value, text: str
) -> None:
    """The text is the store's own; what is no UTF-8 comes in base64."""
    with pytest.raises(ValueError):  # noqa: PT011
        typed(value, kind)
    assert untyped(value) == text


@pytest.mark.parametrize("digits", [17, 18, 19, 20, 30, 4000])
@pytest.mark.parametrize("sign", [1, -1])
def test_integers_of_any_size_are_exact(digits: int, sign: int) -> None:
    """Longer ones than 64 bits are copied, digit by digit, whatever store they come from."""
    number = sign * (10**digits - 1)
    for value in (number, str(number), b"%d" % number):
        found = typed(value, T.NUMERIC)
        assert _plain(found) == (number if len(str(number)) <= 18 else f"raw {number}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (10**5000, hex(10**5000)),
        (
            datetime.max.replace(tzinfo=timezone(timedelta(hours=-5))),
            "9999-12-31 23:59:59.999999-05:00",
        ),
    ],
    ids=["integer", "time"],
)
def test_python_values_beyond_all_bounds_still_have_a_text(value: Value, text: str) -> None:
    """Python writes no more than 4300 digits, and no instant after the year 9999."""
    with pytest.raises(ValueError):  # noqa: PT011
        typed(value, None)
    assert untyped(value) == text


@example(b"-100000000000000000", T.NUMERIC)
@example(b"100000000000000000", T.NUMERIC)
@given(octets, st.sampled_from(AttributeType))
def test_the_quick_way_agrees_with_the_careful_one(value: bytes, kind: AttributeType) -> None:
    """Wherever it does not raise; and it never raises what the encoder does not expect."""
    try:
        quick = QUICK[kind](value)
    except (LookupError, TypeError, ValueError):
        return
    assert (quick, type(quick)) == (typed(value, kind), type(typed(value, kind)))


@given(st.binary())
def test_octets_in_base64_are_the_octets(value: bytes) -> None:
    """RFC 4648, section 4: with padding, in one line."""
    assert {typed(value, kind) for kind in BINARIES} == {b64encode(value).decode()}


@given(python_values, st.none() | st.sampled_from(AttributeType))
def test_any_value_fits_or_is_a_value_error(value: Value, kind: AttributeType | None) -> None:
    """And then has a text, which JSON can hold: one bad value never fails a page."""
    try:
        typed(value, kind)
    except ValueError:
        untyped(value).encode()


def test_every_type_has_both_ways() -> None:
    """A type that Gluu adds cannot be forgotten in one of them; times have a way of their own."""
    assert {*QUICK, AttributeType.GENERALIZED_TIME} == set(AttributeType)
    assert {typed(b"", kind) for kind in BINARIES} == {""}


def test_what_holds_an_endless_number_is_named_by_its_type() -> None:
    """No backend should give it; one that does fails no page."""
    assert untyped([10**5000]) == "list"  # type: ignore[arg-type]
