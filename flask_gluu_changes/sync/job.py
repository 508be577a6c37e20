"""A job as the command line describes it: its source, its state and its targets, all open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager

from .brake import Brake
from .run import Job, Rules
from .server_options import ServerOptions
from .sources import open_source
from .target_options import RunOptions, StateOptions, TargetOptions
from .targets import Targets


def selection_of(server: ServerOptions, target: TargetOptions) -> str:
    """Return the text of what is read: a position is of one, and says nothing of another."""
    return json.dumps([server.url, sorted(target.attributes), sorted(target.exclude)])


def rules_of(options: RunOptions) -> Rules:
    """Return how a run decides."""
    brake = Brake.parsed(options.max_removals, options.allow_removals)
    return Rules(brake, strict=options.strict, retry=options.retry)


@contextmanager
def opened_job(
    server: ServerOptions,
    place: StateOptions,
    target: TargetOptions,
    rules: Rules,
    *,
    is_dry: bool = False,
) -> Iterator[Job]:
    """Open all that a job needs, the lock of its state first."""
    with Targets(place, target, is_dry=is_dry) as targets:
        selection = selection_of(server, target)
        source = open_source(
            server,
            targets.state.position(selection),
            attributes=target.attributes,
            excluded=target.exclude,
        )
        with closing(source):
            yield Job(source, targets.state, targets.sinks, rules, selection)
