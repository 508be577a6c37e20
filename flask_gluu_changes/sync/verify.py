"""The command `gluu-changes verify`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import click

from .commands import Options
from .errors import SyncError
from .exit_codes import ExitCode
from .job import rules_of, selection_of
from .reporting import Run, RunReporter
from .run import Job
from .source import Source
from .sources import open_source
from .state import State
from .tables import people_table
from .targets import Targets
from .verifier import Differences, compare, compare_table, doubt

OUTLINE = ("inum",)
"""The attributes that are read where versions are told."""

PAGE = 1000
"""People on a page of an outline, at least."""

SHOWN = 20
"""Ids of each kind of difference that are named."""


def verify(options: Options, *, repair: bool) -> ExitCode:
    """Compare, say what differs, and correct it where that is wanted."""
    reporter = RunReporter(options.operator, "verify", options.server.url)
    with reporter.run(says_little=True) as run, Targets(options.place, options.target) as targets:
        found = _compared(options, targets.state)
        if found or not options.operator.quiet:
            click.echo("\n".join([found.line(), *_named(found)]), err=True)
        run.outcome.known = found.compared
        run.exit_code = ExitCode.DIFFERS if found else ExitCode.DONE
        if found and repair:
            _repair(options, targets, found, run)
    return run.exit_code


def _compared(options: Options, state: State) -> Differences:
    selection = selection_of(options.server, options.target)
    position = state.position(selection)
    if not position:
        raise SyncError("there is nothing to compare: no run of this URL and attributes succeeded")
    is_one = options.place.into and not options.place.state
    people = people_table(options.place.table) if is_one else None
    with (
        closing(_opened(options, position)) as source,
        closing(_outline(options, position)) as outline,
    ):
        found = compare(state, outline, source, position, people)
    if people is not None:
        compare_table(state, people, found, keeps=options.target.removals == "keep")
    return found


def _opened(options: Options, position: str) -> Source:
    target = options.target
    names = {"attributes": target.attributes, "excluded": target.exclude}
    return open_source(options.server, position, **names)


def _outline(options: Options, position: str) -> Source:
    """Return a source that tells versions only, where the server has any."""
    source = _opened(options, position)
    if source.level != "exact":
        return source
    source.close()
    server = replace(options.server, count=max(options.server.count, PAGE))
    return open_source(server, position, attributes=OUTLINE)


def _repair(options: Options, targets: Targets, found: Differences, run: Run) -> None:
    """Read everybody once more, as `pull --full` does."""
    selection = selection_of(options.server, options.target)
    doubt(targets.state, found)
    with closing(_opened(options, targets.state.position(selection))) as source:
        job = Job(source, targets.state, targets.sinks, rules_of(options.rules), selection)
        job.run(run.outcome, full=True, watcher=run.watcher)
    run.exit_code = ExitCode.REFUSED if run.outcome.set_aside else ExitCode.DONE


def _named(found: Differences) -> list[str]:
    """Return lines that name some of those who differ."""
    kinds = found.by_name().items()
    return [f"  {kind}: {id_}" for kind, ids in kinds for id_ in sorted(ids)[:SHOWN]]
