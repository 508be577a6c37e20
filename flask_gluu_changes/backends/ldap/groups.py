"""How groups name their members, and people their groups."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MEMBER_OF = "memberOf"
"""By which people show their groups."""

MEMBERS = ("member", "uniqueMember")
"""By which groups name people, whatever the groups' class."""

GROUPS = f"(|{''.join(f'({name}=*)' for name in MEMBERS)})"

_OPTIONAL_UID = re.compile(rb"#'[01]*'B$")
"""What may stand behind the name in a value of uniqueMember (RFC 4517, 3.3.21)."""


def members_of(group: Mapping[str, Sequence[Any]]) -> Iterator[bytes]:
    """Yield the names of a group's members."""
    for name in MEMBERS:
        for value in group.get(name, ()):
            yield _OPTIONAL_UID.sub(b"", value)
