"""The part of BER (X.690) that the followers of directories need.

Quicker than a general codec such as pyasn1, which would take most of the time of reading an entry.
"""

from __future__ import annotations

from collections.abc import Iterator

BOOLEAN, OCTETS, ENUMERATED, SEQUENCE, SET = 0x01, 0x04, 0x0A, 0x30, 0x31

_LONG = 0x80
"""From this octet on, a length is written in as many further octets as its lower bits say."""

_INDEFINITE = {0x80, 0xFF}
"""A length to be found by its end, which LDAP has not (RFC 4511, 5.1), and one without meaning."""


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each element; raise ValueError when one is cut off."""
    start, end = 0, len(data)
    while start < end:
        content, length = _length(data, start + 1)
        if content + length > end:
            raise ValueError("a BER element is longer than what holds it")
        yield data[start], data[content : content + length]
        start = content + length


def single_element(data: bytes) -> tuple[int, bytes]:
    """Return tag and content of the only element; raise ValueError if there is not just one."""
    (element,) = elements(data)
    return element


def octets(content: bytes) -> bytes:
    """Encode an OCTET STRING."""
    size = len(content)
    if size < _LONG:
        return bytes([OCTETS, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([OCTETS, _LONG + len(length)]) + length + content


def _length(data: bytes, offset: int) -> tuple[int, int]:
    """Read a length; return the offset at which the content starts, and the length."""
    if offset >= len(data):
        raise ValueError("a BER element has no length")
    first = data[offset]
    if first < _LONG:
        return offset + 1, first
    if first in _INDEFINITE:
        raise ValueError("a BER element has no definite length")
    start = offset + 1 + first - _LONG
    return start, int.from_bytes(data[offset + 1 : start], "big")
