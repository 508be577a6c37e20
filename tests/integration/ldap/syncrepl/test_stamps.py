"""Stamps say who is not as was told, and their sketch in which part of all people that is."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_gluu_changes.backends.ldap.syncrepl.stamps import Stamps

UUIDS = st.integers(0, 300).map(lambda number: str(uuid.UUID(int=number)))
PEOPLE = st.dictionaries(UUIDS, st.integers(1, 3))


def made(people: dict[str, int], *detours: str) -> Stamps:
    """Take in people, some of them after something else."""
    stamps = Stamps()
    for one in detours:
        stamps.put(one, b"detour", [])
    for one, number in people.items():
        stamps.put(one, b"%d" % number, [])
    for one in {*detours} - people.keys():
        stamps.drop(one)
    return stamps


@given(PEOPLE, st.lists(UUIDS))
def test_the_way_does_not_count(people: dict[str, int], detours: list[str]) -> None:
    """Only who is there in the end, and how."""
    stamps = made(people, *detours)
    assert stamps.sketch == made(people).sketch
    assert stamps.in_other_buckets(made(people).sketch) is None
    assert {*stamps} == people.keys()


@given(PEOPLE, PEOPLE)
def test_no_difference_is_overlooked(now: dict[str, int], told: dict[str, int]) -> None:
    """Neither one by one nor by the sketch, which names more people than that."""
    here, there = made(now), made(told)
    other = {one for one in now.keys() | told.keys() if now.get(one) != told.get(one)}
    assert here.other_than(there) == other
    suspects = here.in_other_buckets(there.sketch)
    assert (suspects is None) == (not other)
    assert other & now.keys() <= (suspects or set())


@pytest.mark.parametrize("sketch", ["", "AAAA", "no base64!"])
def test_what_is_no_sketch_is_that_of_no_people(sketch: str) -> None:
    """So everybody is read again, and it is not taken for the one of nobody."""
    people = {str(uuid.UUID(int=number)): 1 for number in range(20)}
    assert made(people).in_other_buckets(sketch) == people.keys()
    assert made({}).in_other_buckets(sketch) == set()


def test_what_a_stamp_depends_on() -> None:
    """Who, when it was written, and its groups in any order."""

    def sketch(*entry: Any) -> str:
        stamps = Stamps()
        stamps.put(*entry)
        return stamps.sketch

    one = sketch("u", b"1", [b"a", b"b"])
    assert one == sketch("u", b"1", [b"b", b"a"])
    others = [("v", b"1", [b"a", b"b"]), ("u", b"2", [b"a", b"b"]), ("u", b"1", [b"a"])]
    assert one not in [sketch(*other) for other in others]
