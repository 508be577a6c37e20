"""What is beyond a limit of size is left out: single values, and the largest attributes first."""

from __future__ import annotations

import pytest

from flask_gluu_changes.journal.limits import SizeLimits, largest_first
from flask_gluu_changes.model import Entry, Value


def test_without_settings_a_value_has_8_mib_and_an_entry_12() -> None:
    """The documentation names them."""
    assert SizeLimits() == (8_388_608, 12_582_912)
    assert SizeLimits()._fields == ("value", "entry")


@pytest.mark.parametrize("limits", [SizeLimits(5, 9), SizeLimits(9, 5)])
def test_an_object_within_both_limits_needs_no_look(limits: SizeLimits) -> None:
    """The lower one decides, and is itself within."""
    assert [limits.are_kept(size) for size in (0, 5, 6)] == [True, True, False]


@pytest.mark.parametrize(
    ("fits", "beyond"),
    [
        ("four", "fives"),
        (b"four", b"fives"),
        ("üü", "üüx"),
        ("\ud800abc", "\ud800abcd"),
        (1234, 12345),
    ],
)
def test_a_value_is_measured_by_the_octets_of_its_text(fits: Value, beyond: Value) -> None:
    """Exactly the limit fits; the other values of the attribute stay, in order."""
    entry: Entry = {"mail": ["a", beyond, fits, "b"]}
    assert SizeLimits(value=4).without_large_values(entry) == {"mail": ["a", fits, "b"]}


def test_an_attribute_without_any_value_left_is_left_out() -> None:
    """One that never had a value stays."""
    entry: Entry = {"photo": [b"fives", b"sixsix"], "none": [], "mail": ["a"]}
    assert SizeLimits(value=4).without_large_values(entry) == {"none": [], "mail": ["a"]}


def test_attributes_come_the_largest_first_by_all_their_values() -> None:
    """Neither hidden ones nor the names of persons come at all."""
    entry: Entry = {
        "inum": ["x" * 50],
        "uid": ["x" * 60],
        "small": [b"xx"],
        "large": ["xxx", b"xxx", 12],
        "middle": ["xxxx"],
        "hidden": ["x" * 70],
    }
    found = [*largest_first(entry, lambda name: name != "hidden")]
    assert found == ["large", "middle", "small"]
