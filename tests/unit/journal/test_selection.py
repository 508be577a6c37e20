"""A selection leaves members out, and changes no octet of those that it keeps."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_gluu_changes.journal.records import Identity, line_of
from flask_gluu_changes.journal.selection import Selection

TEXTS = st.text() | st.sampled_from(["],", "[[", ",[", '{"', '":[', "\\", '"', "a],", '],"b":['])
VALUES = st.recursive(
    TEXTS
    | st.integers(-(2**63), 2**63)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)
NAMES = st.text(min_size=1).filter(lambda name: not name.startswith("@")) | st.sampled_from("abc")


def line(body: bytes, id_: str = "1", omitted: tuple[str, ...] = ()) -> bytes:
    """Write an object as clients get it."""
    identity = Identity(id_, "", "", 0, 0, b"", body, omitted)
    return line_of(identity, 7, created=True)


@pytest.mark.parametrize(
    "value",
    ["9" * 400, "-10000000000000000000007", "9" * 5000, "1" * 16, "1" * 19, "1.5"],
)
def test_numbers_and_escapes_stay_as_they_are(value: str) -> None:
    """Another reading of them would be another writing."""
    body = f'{{"a":[{value}],"b":["x"],"c":[{value},{value}]}}'.encode()
    (cut,) = Selection.of(("a", "c"), ()).apply([line(body)])
    assert cut == line(f'{{"a":[{value}],"c":[{value},{value}]}}'.encode())


@pytest.mark.parametrize("id_", ["é", "😀", '"@version":1', "a\\b", '],"b":['])
def test_the_head_stays_as_it_is(id_: str) -> None:
    """Whatever the id is."""
    whole = line(b'{"b":["x"],"inum":["1"]}', id_, ("jpegPhoto",))
    (cut,) = Selection.of((), ("b",)).apply([whole])
    assert cut == line(b'{"inum":["1"]}', id_, ("jpegPhoto",))


@given(st.dictionaries(NAMES, st.lists(VALUES, max_size=3)), st.sets(NAMES), st.booleans())
def test_it_selects_as_parsing_would(
    entry: dict[str, list[object]], names: set[str], wanted: bool
) -> None:
    """Of whatever is in an entry."""
    entry = {n: v for n, v in entry.items() if n.isprintable()}
    whole = line(
        json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    )
    selection = Selection.of(*((tuple(names), ()) if wanted else ((), tuple(names))))
    (cut,) = selection.apply([whole])
    expected = {n: v for n, v in json.loads(whole).items() if selection.shows(n)}
    assert json.loads(cut) == expected
    if not names:
        assert cut == whole
