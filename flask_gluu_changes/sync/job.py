"""A job as the command line describes it: its source, its state and its targets, all open."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from .brake import Brake
from .run import Job, Rules
from .server_options import ServerOptions
from .sink import Sink
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
    sinks: Sequence[Sink] = (),
) -> Iterator[Job]:
    """Open all that a job needs, the lock of its state first.

    Example:
        Feed a target of your own::

            server = ServerOptions("https://people.example.org/identity/restv1/scim/UpdatedUsers")
            place = StateOptions(state=Path("job.db"))
            with opened_job(server, place, TargetOptions(), Rules(), sinks=[sink]) as job:
                job.run(Outcome())

    Args:
        server: Which server to read, and how.
        place: Where the state is.
        target: What is written, and which attributes are read.
        rules: How a run decides.
        is_dry: Whether nothing is to stay.
        sinks: More targets; they are closed at the end.

    Raises:
        Locked: Another run holds the state.
        SyncError: The state or a target cannot be opened.
        ChangesError: The server cannot be asked.
        ConfigurationError: The options contradict each other.
    """
    with Targets(place, target, is_dry=is_dry, others=sinks) as targets:
        selection = selection_of(server, target)
        source = open_source(
            server,
            targets.state.position(selection),
            attributes=target.attributes,
            excluded=target.exclude,
        )
        with closing(source):
            yield Job(source, targets.state, targets.sinks, rules, selection)
