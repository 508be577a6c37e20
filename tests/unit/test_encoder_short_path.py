"""Ordinary entries take the short path, which is why pages are quick; others fall back."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_gluu_changes import AttributeType, ChangesQuery, Entry
from flask_gluu_changes import encoder as module
from flask_gluu_changes.encoder import AttributePlans, EntryEncoder, sort_key
from flask_gluu_changes.timestamps import to_micros
from flask_gluu_changes.visibility import Visibility

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
TIME = datetime(2024, 2, 29, 12, 0, 0, 5000, tzinfo=UTC)
TYPES = {
    "visits": AttributeType.NUMERIC,
    "active": AttributeType.BOOLEAN,
    "updatedat": AttributeType.GENERALIZED_TIME,
    "seen": AttributeType.GENERALIZED_TIME,
    "photo": AttributeType.PHOTO,
}


def _type_of(name: str) -> AttributeType | None:
    return TYPES.get(name.lower())


def _encoder(*, octets: bool = False, **query: Any) -> EntryEncoder:
    visibility = Visibility.of(denied=["secret", "oxCreationTimestamp"])
    return EntryEncoder(ChangesQuery(SINCE, **query), _type_of, visibility, octets=octets)


@pytest.fixture
def long_way(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which long paths were taken, in order."""
    taken: list[str] = []

    def note(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*args: Any) -> Any:
            taken.append(name)
            return function(*args)

        return noted

    monkeypatch.setattr(
        EntryEncoder, "_carefully", note("body", EntryEncoder._carefully), raising=True
    )
    monkeypatch.setattr(module, "_careful_key", note("key", module._careful_key))
    return taken


DIRECTORY: Entry = {
    "active": [b"TRUE", b"FALSE"],
    "cn": [b"Ann", "Änn".encode()],
    "inum": [b"1"],
    "photo;binary": [b"\xff"],
    "seen": [b"20240229120000.005Z", b"20240229120000.004Z"],
    "uid": [b"Ann"],
    "updatedAt": [b"20240229120000.005Z"],
    "visits": [b"5", b"-7"],
}
DATABASE: Entry = {
    "active": [True, False],
    "cn": ["Ann", "Änn"],
    "inum": ["1"],
    "photo;binary": ["/w=="],
    "seen": [TIME, TIME.replace(microsecond=4000)],
    "uid": ["Ann"],
    "updatedAt": [TIME],
    "visits": [5, -7],
}
OCTETS = [value for values in DIRECTORY.values() for value in values]
SHOWN = {
    "active": [True, False],
    "cn": ["Ann", "Änn"],
    "inum": ["1"],
    "photo;binary": ["/w=="],
    "seen": ["2024-02-29T12:00:00.005Z", "2024-02-29T12:00:00.004Z"],
    "uid": ["Ann"],
    "updatedAt": ["2024-02-29T12:00:00.005Z"],
    "visits": [5, -7],
}


@given(
    st.dictionaries(
        st.sampled_from([*DIRECTORY, "secret", "oxCreationTimestamp", "sn"]),
        st.lists(st.binary(max_size=9) | st.sampled_from(OCTETS), max_size=3),
    )
)
def test_octets_are_encoded_as_if_nobody_knew_that_they_are(entry: Entry) -> None:
    """Whatever they are."""
    assert _encoder(octets=True).encode(entry) == _encoder().encode(entry)


@pytest.mark.parametrize("entry", [DIRECTORY, DATABASE], ids=["directory", "database"])
@pytest.mark.parametrize("turn", [list, lambda names: [*reversed(names)]], ids=["in", "out"])
def test_entries_of_directories_and_databases_take_the_short_path(
    entry: Entry, turn: Callable[[Any], list[str]], long_way: list[str]
) -> None:
    """In order or not, the second as the first; keys are written in order."""
    encoder = _encoder()
    turned = {name: entry[name] for name in turn([*entry])}
    for _ in range(2):
        key, changed, body = encoder.encode(turned)
        assert (key, changed) == (b"ann\x001", to_micros(TIME))
        assert json.loads(body) == SHOWN
        assert [*json.loads(body)] == sorted(SHOWN)
    assert long_way == []


def test_several_times_of_one_attribute_take_the_short_path(long_way: list[str]) -> None:
    """The latest counts, wherever it stands."""
    early, late = b"20240101000000Z", b"20240229120000.005Z"
    for values in ([early, late], [late, early], [early, late, early]):
        body, times = _encoder().read({"updatedAt": values})
        assert times == {"updatedAt": to_micros(TIME)}
        assert len(json.loads(body)["updatedAt"]) == len(values)
    assert long_way == []


def test_time_attributes_that_are_hidden_or_shown_as_text_count(long_way: list[str]) -> None:
    """They are read beside the short path."""
    encoder = _encoder(time_attributes=("oxCreationTimestamp", "when"))
    entry: Entry = {
        "oxCreationTimestamp": [b"20240101000000Z"],
        "uid": [b"a"],
        "updatedAt": [b"20250101000000Z"],
        "when": [b"20240229120000.005Z"],
    }
    body, times = encoder.read(entry)
    assert json.loads(body) == {
        "uid": ["a"],
        "updatedAt": ["2025-01-01T00:00:00Z"],
        "when": ["20240229120000.005Z"],
    }
    assert times == {
        "oxCreationTimestamp": to_micros(datetime(2024, 1, 1, tzinfo=UTC)),
        "when": to_micros(TIME),
    }
    assert long_way == []


def test_hidden_attributes_do_not_stop_the_short_path(long_way: list[str]) -> None:
    """Octets that are no text may be among them; nobody will see them."""
    entry: Entry = {"secret": [b"\xff"], "uid": [b"a"], "userPassword": [b"\xfe"]}
    assert _encoder().read(entry) == (b'{"uid":["a"]}', {})
    assert _encoder().read({"userPassword": [b"\xfe"]}) == (b"{}", {})
    assert long_way == []


def test_attributes_without_text_take_the_short_path(long_way: list[str]) -> None:
    """There is nothing then that the serializer could write in its own way."""
    assert _encoder().read({"visits": [b"1"]}) == (b'{"visits":[1]}', {})
    assert _encoder().read({}) == (b"{}", {})
    assert long_way == []


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        ({"cn": [b"a", "b"]}, {"cn": ["a", "b"]}),
        ({"cn": ["a", b"b"]}, {"cn": ["a", "b"]}),
        ({"cn": [1]}, {"cn": [1]}),
        ({"cn": [b"a"], "sn": [1]}, {"cn": ["a"], "sn": [1]}),
        ({"cn": ["a"], "sn": [TIME]}, {"cn": ["a"], "sn": ["2024-02-29T12:00:00.005Z"]}),
        ({"cn": []}, {"cn": []}),
        ({"cn": [b"\xff"]}, {"cn": ["/w=="]}),
        ({"visits": [b"x"]}, {"visits": ["x"]}),
        ({"visits": [10**20]}, {"visits": [10**20]}),
        ({"active": ["TRUE"]}, {"active": [True]}),
        ({"updatedAt": [b"x"]}, {"updatedAt": ["x"]}),
        ({"updatedAt": []}, {"updatedAt": []}),
    ],
    ids=str,
)
def test_any_other_entry_is_encoded_value_by_value(
    entry: Entry, shown: dict[str, Any], long_way: list[str]
) -> None:
    """The serializer alone would write it otherwise, or not at all."""
    body, _ = _encoder().read(entry)
    assert json.loads(body) == shown
    assert long_way == ["body"]


def test_unreadable_times_count_for_nothing() -> None:
    """The others of the same attribute do, on the long path too."""
    values = [b"x", b"20240229120000.005Z", b"20240101000000Z"]
    _, times = _encoder().read({"updatedAt": values, "oxCreationTimestamp": [b"x"]})
    assert times == {"updatedAt": to_micros(TIME)}


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ({"uid": [b"Ann"], "inum": [b"Ab"]}, b"ann\0Ab"),
        ({"uid": ["Ann"], "inum": ["Äb"]}, "ann\0Äb".encode()),
    ],
)
def test_ordinary_names_sort_by_the_short_path(
    entry: Entry, key: bytes, long_way: list[str]
) -> None:
    """The uid in lower case, the inum as it is."""
    assert sort_key(entry) == key
    assert long_way == []


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ({"uid": ["Änn"], "inum": ["1"]}, "änn\x001".encode()),
        ({"uid": ["Änn".encode()], "inum": [b"1"]}, "änn\x001".encode()),
        ({"uid": ["STRASSE"], "inum": [b"1"]}, b"strasse\x001"),
        ({"uid": [b"B", b"a"], "inum": [b"2", b"1"]}, b"a\x001"),
        ({"uid": [b"\xff"], "inum": [b"1"]}, "\ufffd\x001".encode()),
        ({"uid": [12], "inum": [7]}, b"12\x007"),
        ({"uid": [True], "inum": [7]}, b"true\x007"),
        ({"uid": [b"a"]}, b"a\0\xff"),
        ({"inum": [b"1"]}, b"\xff\x001"),
        ({}, b"\xff\0\xff"),
    ],
    ids=str,
)
def test_other_names_sort_by_the_long_path(entry: Entry, key: bytes, long_way: list[str]) -> None:
    """The least value of several, folded where it is not ASCII."""
    assert sort_key(entry) == key
    assert long_way == ["key"]


def test_a_plan_is_made_once_for_the_same_attributes() -> None:
    """Whatever their values are; another order is another plan."""
    plans = AttributePlans(_type_of, Visibility.of(), ("updatedAt",))
    plan = plans["cn", "updatedAt"]
    assert plans["cn", "updatedAt"] is plan
    assert (plan.texts, plan.times, plan.ordered) == (["cn"], [("updatedAt", True)], True)
    assert not plans["updatedAt", "cn"].ordered
    assert plans["seen",].times == [("seen", False)]
    assert len(plans) == 3


def test_plans_do_not_fill_the_memory() -> None:
    """A store that invents attributes costs time, not memory."""
    plans = AttributePlans(_type_of, Visibility.of(), ())
    for number in range(1000):
        plans[f"a{number}",]
    assert len(plans) == 1000
    plans["one more",]
    assert len(plans) == 1


def test_the_log_says_whose_it_is(caplog: pytest.LogCaptureFixture) -> None:
    """By the module's name, so that operators can filter."""
    _encoder().read({"visits": [b"x"]})
    assert caplog.record_tuples == [
        (
            "flask_gluu_changes.encoder",
            logging.WARNING,
            "'visits' of [] does not fit its type; it is served as text",
        )
    ]
