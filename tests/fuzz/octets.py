"""Broken octets, and JSON that a reader may not expect."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

EDITS: list[Callable[[bytes, int, bytes], bytes]] = [
    lambda data, at, new: data[:at],
    lambda data, at, new: data[at:],
    lambda data, at, new: data[:at] + new + data[at:],
    lambda data, at, new: data[:at] + new + data[at + len(new) :],
    lambda data, at, new: data[:at] + data[at + len(new) :],
    lambda data, at, new: data[:at] + data[at:] * 3,
]
"""Cut at either end, inserted, replaced, taken out, repeated."""

SPLINTERS = st.binary(max_size=8) | st.sampled_from(
    [b"\0", b"\xff", b"\x80", b"\xed\xa0\x80", b"\r\n", b'"', b"\\", b"[" * 5000, b"9" * 5000]
)
"""What is put in: among it NUL, what is no UTF-8, deep nesting, and long numbers."""

TEXTS = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    [
        "",
        "\0",
        "\ud800",
        "\udfff\ud800",
        "\ufffe",
        "a\r\nb: c",
        "../..",
        "😀",
        "e\u0301",
        "x" * 3000,
    ]
)
"""Texts with every character, lone surrogates too."""

INTEGERS = st.one_of(
    st.integers(),
    st.sampled_from([2**63, -(2**63) - 1, 2**64]),
    # made late: Hypothesis cannot write the longest ones
    st.sampled_from([308, 309, 400, 4299, 5000]).map(lambda digits: 10**digits),
    st.sampled_from([309, 4300, 5000]).map(lambda digits: -(10**digits)),
)
FLOATS = st.floats() | st.sampled_from([1e308, -0.0, float("inf"), float("nan")])
SCALARS = st.none() | st.booleans() | INTEGERS | FLOATS | TEXTS

ANYTHING: SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def mangled(draw: DrawFn, whole: SearchStrategy[bytes], most: int = 4) -> bytes:
    """Take octets that are right, and break them in up to `most` places."""
    data = draw(whole)
    for _ in range(draw(st.integers(0, most))):
        edit, new = draw(st.sampled_from(EDITS)), draw(SPLINTERS)
        data = edit(data, draw(st.integers(0, len(data))), new)[:20_000]
    return data


@st.composite
def altered(draw: DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """Take an object that is right, and leave out, add or replace members of it."""
    names = st.sampled_from([*whole]) if whole else TEXTS
    out = draw(st.sets(names, max_size=2))
    other = draw(st.dictionaries(names | TEXTS, ANYTHING, max_size=3))
    return {**{n: v for n, v in whole.items() if n not in out}, **other}


def to_json(value: Any) -> bytes:
    """Write what Python has as JSON, or nearly so: NaN, and whole numbers of any length."""
    return _encoder(value).encode("utf-8", "surrogatepass")


def _encoder(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{','.join(f'{json.dumps(n)}:{_encoder(v)}' for n, v in value.items())}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_encoder, value))}]"
    if isinstance(value, int) and abs(value) >= 10**4299:
        return "1" + "0" * 5000
    return json.dumps(value, ensure_ascii=isinstance(value, str) and len(value) % 2 == 0)


def json_octets(values: SearchStrategy[Any]) -> SearchStrategy[bytes]:
    """Write values as JSON, and break some of it; members may come twice."""
    written = values.map(to_json)
    twice = written.map(lambda text: text[:-1] + b"," + text[1:] if len(text) > 2 else text)
    return written | twice | mangled(written) | written.flatmap(deep)


def deep(octets: bytes) -> st.SearchStrategy[bytes]:
    """Put more into an object than a reader goes down, whole or cut off."""
    inner = st.sampled_from([b"[" * 3000 + b"]" * 3000, b'{"a":' * 1200 + b"1" + b"}" * 1200])
    return inner.map(lambda nested: octets[:-1] + b',"deep":' + nested + octets[-1:]) | inner
