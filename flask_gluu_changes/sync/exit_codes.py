"""What the end of `gluu-changes` tells whoever started it."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes; each with what it means in `meaning`."""

    meaning: str

    DONE = 0, "Done, also where there was nothing to do."
    FAILURE = 1, "Failed for another reason than those below; the message says which."
    USAGE = 2, "The command line or a setting is wrong; nothing was asked."
    BRAKE = 3, "Too many people would be removed; nothing was applied, and the position stays."
    REFUSED = 4, "The server refuses the request, or a target refused records: they are set aside."
    UNAVAILABLE = 5, "The server or a target cannot be reached; a later run may succeed."
    HOOK_FAILED = 6, "The command of `--exec` failed; its changes come again."
    DIFFERS = 7, "`verify` found differences."
    LOCKED = 75, "Another run holds the state; this one did nothing."

    def __new__(cls, number: int, meaning: str) -> ExitCode:
        """Make a number that knows its meaning."""
        code = int.__new__(cls, number)
        code._value_ = number
        code.meaning = meaning
        return code
