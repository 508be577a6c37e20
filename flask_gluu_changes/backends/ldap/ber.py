"""As much of BER (X.690) as the followers of directories need, and quicker than a general codec."""

from __future__ import annotations

from collections.abc import Iterator

BOOLEAN, OCTETS, ENUMERATED, SEQUENCE, SET = 0x01, 0x04, 0x0A, 0x30, 0x31

_LONG = 0x80
"""From this octet on a length is written in as many further octets as its lower bits say."""


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each element; ValueError when one is cut off."""
    at, end = 0, len(data)
    while at < end:
        start, length = _length(data, at + 1)
        if start + length > end:
            raise ValueError("a BER element is longer than what holds it")
        yield data[at], data[start : start + length]
        at = start + length


def only(data: bytes) -> tuple[int, bytes]:
    """Give tag and content of the one element that there must be."""
    (element,) = elements(data)
    return element


def octets(content: bytes) -> bytes:
    """Encode an OCTET STRING."""
    size = len(content)
    if size < _LONG:
        return bytes([OCTETS, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([OCTETS, _LONG + len(length)]) + length + content


def _length(data: bytes, at: int) -> tuple[int, int]:
    """Read a length; give where the content starts, and the length."""
    if at >= len(data):
        raise ValueError("a BER element has no length")
    first = data[at]
    if first < _LONG:
        return at + 1, first
    start = at + 1 + first - _LONG
    return start, int.from_bytes(data[at + 1 : start], "big")
