"""What is read of a journal and was never written there: bits of a disk flipped, or a hand did it.

Nobody can foresee where it shows, so whatever Python raises over such values is taken for damage.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from ..errors import BackendUnavailable
from ..timestamps import from_micros, to_micros

NONSENSE = (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError)
"""What Python raises over values that are not what they should be."""

REMEDY = (
    "stop `flask gluu-changes follow`, restore the journal's database from a backup, or drop its"
    " tables gluu_changes_… (of SQLite move the file away, with its -wal and -shm), and start"
    " `follow` and the application again; without its tables everybody is read anew"
)


MOST_SEQ = 2**62
"""The highest seq; behind it there is room for those that come."""

_TEXTS = ("epoch", "level", "why", "source", "cookie", "holder")
_NUMBERS = {
    "head": MOST_SEQ,
    "floor": MOST_SEQ,
    "version": 2**53,  # the highest that all readers of JSON take
    "confirmed_at": to_micros(datetime.max.replace(tzinfo=UTC)),
    "held_until": 2**63 - 1,
}
"""What a journal's state tells in numbers, and the highest of each."""


class JournalUnavailable(BackendUnavailable):
    """The journal's database cannot be used at the moment; trying again may help."""


class JournalDamaged(JournalUnavailable):
    """The journal holds what was never written there; only an operator can mend that.

    Attributes:
        what: What is wrong, without any value.
    """

    def __init__(self, what: str) -> None:
        self.what = f"the journal is damaged: {what}"
        super().__init__(f"{self.what}; {REMEDY}")


@contextmanager
def damage_told() -> Iterator[None]:
    """Raise JournalDamaged for what Python raises over values out of a journal.

    Its text names the error alone, whose own text may hold such a value.
    """
    try:
        yield
    except NONSENSE as error:
        raise damaged_by(error) from error


def damaged_by(error: BaseException) -> JournalDamaged:
    """Return what to raise for an error over values out of a journal."""
    return JournalDamaged(f"it holds what was never written there ({type(error).__name__})")


def checked_time(micros: object) -> int:
    """Return a time that can be told, in microseconds; raise JournalDamaged for any other."""
    if type(micros) is not int:
        raise JournalDamaged("a time of a person is none")
    from_micros(micros)  # which raises what is taken for damage
    return micros


def check_state(state: object) -> None:
    """Raise JournalDamaged where a journal's state has a field that nobody wrote so."""
    for name in _TEXTS:
        if type(getattr(state, name)) is not str:
            raise JournalDamaged(f"the {name} of its state is no text")
    for name, most in _NUMBERS.items():
        number = getattr(state, name)
        if type(number) is not int or not 0 <= number <= most:
            raise JournalDamaged(f"the {name} of its state is beyond all bounds")
