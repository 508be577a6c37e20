"""What a target of changes is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..client import Change


class Sink(Protocol):
    """Anything that takes changes, such as the interface of another system.

    Each change is told at least once. Its kind is `created` where this job has not handed the
    person on before, `updated` where it has, and `removed`.
    """

    def apply(self, changes: Sequence[Change]) -> None:
        """Take changes in their order, durably before returning.

        Args:
            changes: At most one of an identity.

        Raises:
            RecordRefused: Something of them is not taken, now or later. They are offered again in
                halves, until the record is found; the others go on.
            SinkUnavailable: Nothing can be taken at the moment; the run ends, and they come again.
        """

    def close(self) -> None:
        """End the work; called once, also after an error."""
