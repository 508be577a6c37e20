"""Entries sort by uid ignoring case, ties by inum, and those without come last."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from flask_gluu_changes import ChangesQuery, Entry
from flask_gluu_changes.encoder import EntryEncoder
from flask_gluu_changes.visibility import Visibility

QUERY = ChangesQuery(datetime(2020, 1, 1, tzinfo=UTC))
ORDERED: list[Entry] = [
    {"uid": [b"adam"], "inum": [b"1"]},
    {"uid": [b"ADAM"], "inum": [b"2"]},
    {"uid": ["Adam"], "inum": ["3"]},
    {"uid": [b"adam"]},
    {"uid": [b"adamant"], "inum": [b"0"]},
    {"uid": [b"zoe", b"Berta"], "inum": [b"4"]},
    {"uid": [b"berta"], "inum": [b"9", b"5"]},
    {"uid": ["straße"], "inum": [b"7"]},
    {"uid": ["STRASSE"], "inum": [b"8"]},
    {"uid": ["Émile".encode()], "inum": [b"6"]},
    {"uid": ["émile"], "inum": [b"7"]},
    {"inum": [b"0"]},
    {"uid": [], "inum": [b"1"]},
    {},
]

texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)
ascii_texts = st.text(st.characters(min_codepoint=1, max_codepoint=127), min_size=1)


def _key(entry: Entry) -> bytes:
    encoder = EntryEncoder(QUERY, lambda name: None, Visibility())
    return encoder.encode(entry)[0]


@given(st.permutations(ORDERED))
def test_entries_sort_by_uid_ignoring_case_then_by_inum(entries: list[Entry]) -> None:
    """The least of several values counts (RFC 2891, section 2.2), octets and text alike."""
    assert sorted(entries, key=_key) == ORDERED


@given(ascii_texts, ascii_texts)
def test_ascii_uids_sort_as_their_lower_case_does(one: str, other: str) -> None:
    """Octet by octet: `adam` stands before `adam2`, whatever their inums are."""
    keys = _key({"uid": [one], "inum": ["9"]}), _key({"uid": [other.encode()], "inum": ["9"]})
    assert (keys[0] < keys[1]) is (one.lower() < other.lower())


@given(texts, texts)
def test_uids_sort_as_their_folded_text_does(one: str, other: str) -> None:
    """In any script; UTF-8 keeps the order of code points."""
    keys = _key({"uid": [one]}), _key({"uid": [other]})
    folded = [text.lower() if text.isascii() else text.casefold() for text in (one, other)]
    assert (keys[0] < keys[1]) is (folded[0] < folded[1])


@given(texts | st.binary(), texts)
def test_an_entry_without_uid_sorts_behind_every_other(uid: str | bytes, inum: str) -> None:
    """Even where the uid is no text at all."""
    assert _key({"uid": [uid]}) < _key({"inum": [inum]})
