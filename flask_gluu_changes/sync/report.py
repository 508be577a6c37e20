"""What a run did, for programs: a JSON file whose format has a number."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any

from ..timestamps import to_instant
from .exit_codes import ExitCode
from .outcome import Outcome

FORMAT = 1
"""The version of the report: it changes where a reader of the old one would go wrong."""

COUNTS = ("told", "created", "updated", "removed", "skipped", "set_aside", "held", "known")


@dataclass(frozen=True, slots=True)
class Report:
    """A run that has ended, well or not.

    Attributes:
        command: The command that made it, such as `pull`.
        url: The URL that was read, without secrets.
        outcome: What the run did.
        exit_code: How it ended.
        message: Why it did not end well; empty where it did.
        seconds: How long it took.
    """

    command: str
    url: str
    outcome: Outcome
    exit_code: ExitCode
    message: str
    seconds: float

    def to_json(self) -> str:
        """Return the report as JSON, which ends with an end of line."""
        run = self.outcome
        body: dict[str, Any] = {
            "format": FORMAT,
            "version": version("flask-gluu-changes"),
            "command": self.command,
            "url": self.url,
            "result": self.exit_code.name.lower(),
            "exit_code": int(self.exit_code),
            "message": self.message,
            "level": run.level,
            "full": run.full,
            "dry_run": run.dry_run,
            "since": _text(run.since),
            "until": _text(run.until),
            "seconds": round(self.seconds, 3),
            "counts": {name: getattr(run, name) for name in COUNTS},
        }
        return json.dumps(body, indent=2) + "\n"

    def line(self) -> str:
        """Return the run in one line, for a log."""
        run = self.outcome
        would = "would be " if run.dry_run else ""
        done = f"{run.created} created, {run.updated} updated, {run.removed} removed"
        more = [f"{run.skipped} known already"] if run.skipped else []
        more += [f"{run.set_aside} set aside"] if run.set_aside else []
        kind = "everybody was read" if run.full else "changes were read"
        counts = ", ".join([f"{would}{done}", *more])
        return f"{self.command}: {counts}; {kind} in {self.seconds:.1f} s"


def _text(time: datetime | None) -> str | None:
    return None if time is None else to_instant(time)
