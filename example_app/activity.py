"""Simulates a day of an organization: people join, change and leave."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from .people import JANE_INUM, names
from .store import PeopleStore, UidTaken

JOINING, CHANGING, LEAVING = 4, 12, 2


@dataclass(frozen=True)
class Day:
    """How many people joined, changed and left."""

    added: int
    edited: int
    deleted: int


def simulate_day(store: PeopleStore, chance: Random) -> Day:
    """Let people join, change and leave; each write has the time at which it is done.

    Times are not spread over the past day: a client that asks from the last time it has seen would
    never hear of writes that appear behind it. The documentation's sample person stays.
    """
    known = [inum for inum in store.inums() if inum != JANE_INUM]
    chance.shuffle(known)
    leaving, changing = known[:LEAVING], known[LEAVING : LEAVING + CHANGING]
    return Day(
        added=sum(_join(store, chance) for _ in range(JOINING)),
        edited=sum(_change(store, inum, chance) for inum in changing),
        deleted=sum(map(store.delete, leaving)),
    )


def _join(store: PeopleStore, chance: Random) -> bool:
    """Add a person; in the rare case that the uid is taken, nobody joins."""
    number = chance.randrange(10_000, 10_000_000)
    person = {**names(number), "gluuStatus": "active", "gluuSLAManager": False}
    try:
        return bool(store.add({**person, "myIntegerCustomAttribute": number}))
    except UidTaken:
        return False


def _change(store: PeopleStore, inum: str, chance: Random) -> bool:
    person = store.get(inum)
    if person is None:
        return False
    changes = (
        {"mobile": [f"+1555{chance.randrange(10**7):07}"]},
        {"gluuStatus": "active" if person["gluuStatus"] == "inactive" else "inactive"},
        {"gluuSLAManager": not person["gluuSLAManager"]},
        {"myIntegerCustomAttribute": chance.randrange(1000)},
    )
    return store.edit(inum, chance.choice(changes))
