"""What the journal says of itself, and how it is made."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from time import time_ns

from sqlalchemy import Connection, Engine, insert, inspect, select

from .tables import COMMITS, METADATA, ONLY_ROW, STATE, writing

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class State:
    """One look at the journal; see `tables.STATE` for the meaning of each field."""

    epoch: str
    head: int
    floor: int
    built: bool
    level: str
    why: str
    source: str
    cookie: str
    confirmed_at: int
    holder: str
    held_until: int


def read_state(connection: Connection) -> State:
    """Read the journal's one row about itself."""
    return State(*connection.execute(_READ).one())


_READ = select(*(column for column in STATE.c if column.name != "id"))


def create(engine: Engine) -> None:
    """Make the tables of a new journal; one that is there stays as it is."""
    if inspect(engine).has_table(STATE.name):
        return
    METADATA.create_all(engine)
    with writing(engine).begin() as connection:
        if connection.execute(select(STATE.c.id)).first() is None:
            connection.execute(insert(STATE).values(_first_state()))
            connection.execute(insert(COMMITS).values(commit_row(0)))


def now() -> int:
    """Give the time in microseconds since the epoch."""
    return time_ns() // 1000


def new_epoch() -> str:
    """Name an epoch."""
    return secrets.token_hex(8)


def commit_row(head: int) -> dict[str, object]:
    """Mark the head after a transaction."""
    return {"seq": head, "mark": secrets.token_hex(6), "at": now()}


def _first_state() -> dict[str, object]:
    return {
        "id": ONLY_ROW,
        "epoch": new_epoch(),
        "head": 0,
        "floor": 0,
        "built": False,
        "level": UNKNOWN,
        "why": "nothing has been followed yet",
        "source": "",
        "cookie": "",
        "confirmed_at": 0,
        "holder": "",
        "held_until": 0,
    }
