"""An entry becomes one JSON object, on either way, and no entry fails a page."""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_gluu_changes import AttributeType, ChangesQuery, Entry
from flask_gluu_changes.encoder import EntryEncoder
from flask_gluu_changes.model import Value
from flask_gluu_changes.timestamps import moment_of, to_generalized_time, to_micros
from flask_gluu_changes.visibility import Visibility

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
TYPES = {
    "visits": AttributeType.NUMERIC,
    "active": AttributeType.BOOLEAN,
    "updatedat": AttributeType.GENERALIZED_TIME,
    "photo": AttributeType.PHOTO,
    "settings": AttributeType.JSON,
}
SHOWN = ["cn", "cn;lang-de", "visits", "active", "updatedAt", "photo;binary", "settings", "größe"]
HIDDEN = ["userPassword", "USERPASSWORD;x", "objectClass", "dn", "secretAnswer", "SecretAnswer;a"]

zones = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
fitting = st.one_of(
    st.sampled_from([b"TRUE", b"FALSE", b"20200202020202.5Z", b"-12", b"007", b"\xff", b"[1]"]),
    st.integers().map(lambda number: b"%d" % number),
)
values = st.one_of(
    fitting,
    st.binary(),
    st.text(),
    st.integers(),
    st.booleans(),
    st.datetimes(timezones=st.none() | zones),
)


def _entries(one: st.SearchStrategy[Value]) -> st.SearchStrategy[dict[str, list[Value]]]:
    return st.dictionaries(st.sampled_from(SHOWN + HIDDEN), st.lists(one, max_size=3))


def _encoder() -> EntryEncoder:
    visibility = Visibility.of(denied=["secretAnswer"])
    return EntryEncoder(ChangesQuery(SINCE), lambda name: TYPES.get(name.lower()), visibility)


def _body(entry: Entry) -> bytes:
    return _encoder().encode(entry)[2]


def _oracle(name: str, value: Value) -> object:
    """Say the same in a slow and obvious way: the value in its type's form, or else its text."""
    kind = TYPES.get(name.partition(";")[0].lower())
    text = _text(value)
    if kind is AttributeType.PHOTO:
        return b64encode(value).decode() if isinstance(value, bytes) else text
    if kind is AttributeType.BOOLEAN or (kind is None and isinstance(value, bool)):
        truths: dict[object, bool] = {"TRUE": True, "true": True, "FALSE": False, "false": False}
        return bool(value) if value in (0, 1) else truths.get(text, text)
    if kind is AttributeType.NUMERIC or (kind is None and isinstance(value, int)):
        digits = text.removeprefix("-")
        plain = digits.isascii() and digits.isdigit() and not digits.startswith("0")
        return int(text) if plain or text == "0" else text
    if kind is AttributeType.GENERALIZED_TIME and text == "20200202020202.5Z":
        return "2020-02-02T02:02:02.500Z"
    return text


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime):
        try:
            return moment_of(value)[0]
        except ValueError:
            return str(value)
    try:
        return value.decode() if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError:
        return b64encode(bytes(value)).decode() if isinstance(value, bytes) else ""


def _expected(entry: Mapping[str, list[Value]]) -> bytes:
    shown = {n: [_oracle(n, v) for v in held] for n, held in entry.items() if n in SHOWN}
    return json.dumps(shown, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _pairs(body: bytes) -> object:
    """Read JSON with the order of its keys."""
    return json.loads(body, object_pairs_hook=list)


@given(_entries(values))
def test_an_entry_is_what_plain_json_would_write(entry: dict[str, list[Value]]) -> None:
    """The same keys in the same order, with the same values of the same types."""
    body = _body(entry)
    assert _pairs(body) == _pairs(_expected(entry))
    assert repr(_pairs(body)) == repr(_pairs(_expected(entry)))  # True is no 1


@given(_entries(fitting))
def test_both_ways_write_the_same_bytes(entry: dict[str, list[Value]]) -> None:
    """One Python value among its octets sends an entry on the careful way."""
    careful = _body({"aa": ["text"], **entry})
    quick = _body({"aa": [b"text"], **entry})
    assert quick == careful


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("value", [b"secret", "secret", b"\xff"])
def test_hidden_attributes_never_appear(name: str, value: Value) -> None:
    """In any case, with any option, on either way."""
    assert _body({name: [value], "uid": [b"a"]}) == b'{"uid":["a"]}'


def test_only_allowed_attributes_appear_when_some_are() -> None:
    """A denied one stays hidden among them, and options do not count on either side."""
    visibility = Visibility.of(["CN", "mail;x-work", "sn"], ["sn;lang-de"])
    encoder = EntryEncoder(ChangesQuery(SINCE), lambda name: None, visibility)
    entry = {"cn;lang-de": [b"a"], "MAIL": [b"b"], "sn": [b"c"], "uid": [b"d"]}
    assert encoder.encode(entry)[2] == b'{"MAIL":["b"],"cn;lang-de":["a"]}'


def test_an_attribute_with_options_has_the_type_of_its_base_name() -> None:
    """`;binary` and `;lang-de` are options (RFC 4512, 2.5); the name is shown with them."""
    entry: Entry = {"photo;binary": [b"\xff"], "VISITS;x": [b"5"], "active;x": ["TRUE"]}
    assert _body(entry) == b'{"VISITS;x":[5],"active;x":[true],"photo;binary":["/w=="]}'


def test_a_misfit_is_logged_once_for_each_attribute_without_its_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The line names the attribute and the entry's inum, so that an operator can mend it."""
    encoder = _encoder()
    for inum in (b"@!1", b"@!2"):
        encoder.encode({"inum": [inum], "visits": [b"private", b"secret"], "cn": [b"\xffhidden"]})
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert [record.getMessage() for record in caplog.records] == [
        "'visits' of ['@!1'] does not fit its type; it is served as text",
        "'cn' of ['@!1'] does not fit its type; it is served as text",
    ]


def test_a_hidden_misfit_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody sees it, so nobody has to mend it."""
    _encoder().encode({"userPassword": [b"\xff"], "cn": ["text"]})
    assert caplog.records == []


@pytest.mark.parametrize("time", ["updatedAt", "oxCreationTimestamp"])
def test_an_entry_changed_at_the_highest_of_its_times(time: str) -> None:
    """Creation counts, so that a client can move on behind new people."""
    entry = {"updatedAt": [b"20200101000001Z"], "oxCreationTimestamp": [b"20200101000001Z", b"x"]}
    entry[time] = [b"20200303000000Z", *entry[time]]
    assert _encoder().encode(entry)[1] == to_micros(datetime(2020, 3, 3, tzinfo=UTC))


@given(st.dictionaries(st.sampled_from(["updatedAt", "oxCreationTimestamp"]), st.lists(values)))
def test_an_entry_never_changed_before_the_time_asked_for(entry: Entry) -> None:
    """Else a client would go back: whole seconds and unreadable times count as that time."""
    assert _encoder().encode(entry)[1] >= to_micros(SINCE)


@given(st.datetimes(min_value=datetime(2020, 1, 1), timezones=st.just(UTC)))
def test_the_change_time_is_kept_as_the_store_has_it(time: datetime) -> None:
    """A directory's to the millisecond here, a database's to the microsecond."""
    octets = to_generalized_time(time).encode()
    assert _encoder().encode({"updatedAt": [time]})[1] == to_micros(time)
    assert _encoder().encode({"updatedAt": [octets]})[1] == to_micros(time) // 1000 * 1000


@pytest.mark.parametrize(
    "entry",
    [
        {"uid": [10**5000], "inum": [10**5000], "visits": [10**5000]},
        {"uid": [datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))]},
        {"updatedAt": [datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))]},
        {"cn\ud800": [b"a"], "cn": ["\udfff"]},
        {"uid": [b"\xff"], "inum": [b"\xff"], "": [b""], ";": [b"\0"]},
        {"cn": [], "uid": []},
        {},
    ],
)
def test_no_entry_fails_a_page(entry: Entry) -> None:
    """However broken, it has a place, a time and an object."""
    key, changed, body = _encoder().encode(entry)
    assert (type(key), type(changed)) == (bytes, int)
    assert len(json.loads(body)) == len(entry)
