"""What is counted of a server, for whoever wants to be told."""

from __future__ import annotations


class Meter:
    """Is told what happens in a process that serves the operation; this one ignores it."""

    def answered(self, form: str, status: int, reason: str, seconds: float) -> None:
        """Take note of an answer; of a stream, at its end."""

    def waiting(self, more: int) -> None:
        """Take note that so many more requests wait for a change, or less."""

    def introspected(self, result: str) -> None:
        """Take note of an introspection: it found a token `active` or `refused`, or it `failed`."""

    def found_in_cache(self) -> None:
        """Take note of a token about which nobody had to be asked."""

    def server_answers(self, answers: bool) -> None:
        """Take note of whether the authorization server answers."""
