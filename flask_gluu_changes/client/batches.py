"""What a consumer applies: changes of identities, in batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """The state of an identity, or its removal; deduplicate on (id, version).

    kind: `created`, `updated` or `removed`; treat the first two alike, because the creation may
    have been told to somebody else. attributes: names to arrays of values, empty for a removal.
    reason: of a removal, `deleted` or `outOfScope`.
    """

    id: str
    version: int
    kind: str
    inum: str
    attributes: Mapping[str, list[Any]]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes to be applied in their order, before the next batch is asked for.

    full: it belongs to a reading of everybody, because there is no token or it is void. first: such
    a reading begins. complete: it ends with this batch, and whoever was not in it is not there any
    more: remove the others, behind a brake.
    """

    changes: list[Change]
    full: bool = False
    first: bool = False
    complete: bool = False


def changes_of(page: Mapping[str, Any]) -> list[Change]:
    """Read the changes of a page; an identity is in it once, so removals may come last."""
    return [*map(_shown, page["results"]), *map(_removed, page.get("removed", ()))]


def _shown(entry: Mapping[str, Any]) -> Change:
    attributes = {name: v for name, v in entry.items() if not name.startswith("@")}
    inum = entry.get("inum") or [""]
    return Change(entry["@id"], entry["@version"], entry["@changeType"], inum[0], attributes)


def _removed(entry: Mapping[str, Any]) -> Change:
    return Change(entry["@id"], entry["@version"], REMOVED, entry["inum"], {}, str(entry["reason"]))
