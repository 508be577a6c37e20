"""`flask gluu-changes …`: the operation from the command line."""

from __future__ import annotations

import sys
from io import TextIOWrapper

from flask.cli import AppGroup

from ..feed.feed import Feed
from ..observe.health import Readiness
from ..protection import Guard
from ..settings.base import Settings
from .doctor import doctor_command
from .follow import confirm_removals, follow, new_epoch
from .list import list_command
from .status import status_command
from .verify import verify

__all__ = ["create_group"]


def _print_anything() -> None:
    """Have characters escaped that the terminal's encoding lacks, as Python does on stderr."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def create_group(settings: Settings, feed: Feed, guard: Guard, readiness: Readiness) -> AppGroup:
    """Return the group of commands of an application, for what it is made of."""
    group = AppGroup(
        "gluu-changes",
        help="Look at the changes of people, and at their store.",
        callback=_print_anything,
    )
    group.add_command(list_command(settings, feed))
    group.add_command(doctor_command(settings, feed, guard))
    group.add_command(status_command(readiness))
    group.add_command(follow)
    group.add_command(new_epoch)
    group.add_command(verify)
    group.add_command(confirm_removals)
    return group
