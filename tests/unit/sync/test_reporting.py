"""An operator is told of each run, in a line, in a report, as metrics; of failures above all."""

from __future__ import annotations

import io
import json
import os
import re
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from flask_gluu_changes.client import ChangesUnavailable
from flask_gluu_changes.sync.errors import Braked, Locked, SyncError
from flask_gluu_changes.sync.exit_codes import ExitCode
from flask_gluu_changes.sync.files import replace_file
from flask_gluu_changes.sync.operator_options import OperatorOptions, operator_options
from flask_gluu_changes.sync.outcome import Outcome
from flask_gluu_changes.sync.reporting import RunReporter

URL = "https://user:s3cret@gluu.test/UpdatedUsers?key=s3cret"

SINCE = datetime(2026, 1, 1, tzinfo=UTC)

DONE = Outcome(
    level="exact", told=9, created=3, updated=2, removed=1, skipped=3, known=100, since=SINCE
)

pytestmark = pytest.mark.timeout(60)


class Terminal(io.StringIO):
    """A terminal that keeps what it shows."""

    def isatty(self) -> bool:
        return True


def told(
    outcome: Outcome,
    error: Exception | None = None,
    *,
    file: io.StringIO | None = None,
    code: ExitCode = ExitCode.DONE,
    says_little: bool = False,
    **options: Any,
) -> str:
    """Run once; return what was said."""
    file = file or io.StringIO()
    reporter = RunReporter(OperatorOptions(**options), "pull", URL, file=file)
    with reporter.run(says_little=says_little) as run:
        run.watcher.read(5)
        run.watcher.applying(9)
        run.watcher.applied(4)
        for field in fields(Outcome):
            setattr(run.outcome, field.name, getattr(outcome, field.name))
        if error is not None:
            raise error
        run.watcher.applied(5)
        run.exit_code = code
    return file.getvalue()


def test_a_run_is_one_line() -> None:
    """Without a terminal; and nothing where it shall be quiet."""
    line = told(DONE)
    assert line.startswith("pull: 3 created, 2 updated, 1 removed, 3 known already; ")
    assert line.count("\n") == 1
    assert told(DONE, quiet=True) == ""


def test_a_dry_run_says_what_would_be() -> None:
    """In the same line."""
    assert told(Outcome(dry_run=True, created=3)).startswith("pull: would be 3 created, ")


def test_a_run_that_changed_nobody_may_say_nothing() -> None:
    """For a command that runs for ever."""
    assert told(Outcome(skipped=5), says_little=True) == ""
    assert told(Outcome(created=1), says_little=True)


def test_a_comparison_that_found_differences_tells_them_itself() -> None:
    """No line of changes follows, unless somebody was changed."""
    assert told(Outcome(), code=ExitCode.DIFFERS, says_little=True) == ""
    assert told(Outcome(created=1), code=ExitCode.DIFFERS, says_little=True)


def test_records_that_were_set_aside_are_never_kept_quiet() -> None:
    """For that is not all well."""
    aside = Outcome(set_aside=2)
    line = told(aside, code=ExitCode.REFUSED, quiet=True, says_little=True)
    assert "2 set aside" in line


def test_a_terminal_shows_a_count_and_a_bar() -> None:
    """Until the line, which stands on its own."""
    shown = told(DONE, file=Terminal())
    assert "reading: 5" in shown
    assert "applying" in shown
    assert "9/9" in shown
    assert shown.splitlines()[-1].startswith("pull: ")
    assert told(DONE, file=Terminal(), quiet=True) == ""


def test_a_report_has_a_version_and_every_number(tmp_path: Path) -> None:
    """And no secret of the URL; it can be read by others than the job's user."""
    file = tmp_path / "report.json"
    told(DONE, report=file)
    report = json.loads(file.read_text())
    assert report.pop("seconds") >= 0
    assert report.pop("version")
    assert report == {
        "format": 1,
        "command": "pull",
        "url": "https://gluu.test/UpdatedUsers",
        "result": "done",
        "exit_code": 0,
        "message": "",
        "level": "exact",
        "full": False,
        "dry_run": False,
        "since": "2026-01-01T00:00:00Z",
        "until": None,
        "counts": {
            "told": 9,
            "created": 3,
            "updated": 2,
            "removed": 1,
            "skipped": 3,
            "set_aside": 0,
            "held": 0,
            "known": 100,
        },
    }
    assert file.stat().st_mode & 0o777 == 0o644
    assert [*tmp_path.iterdir()] == [file]


def test_a_failure_is_reported_and_goes_on(tmp_path: Path) -> None:
    """With its code and its sentence; what the brake held back is counted."""
    file = tmp_path / "report.json"
    failures = [
        (Braked("too many"), 3, "brake", 50),
        (ChangesUnavailable("it is away"), 5, "unavailable", 0),
        (ValueError("ada@example.org"), 1, "failure", 0),
    ]
    for error, code, result, held in failures:
        with pytest.raises(type(error)):
            told(Outcome(held=held), error, report=file)
        report = json.loads(file.read_text())
        assert (report["exit_code"], report["result"]) == (code, result)
        assert report["counts"]["held"] == held
        assert report["message"] == ("ValueError" if code == 1 else str(error))


def metrics(file: Path) -> dict[str, float]:
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_metrics_keep_the_time_of_the_last_success(tmp_path: Path) -> None:
    """Whatever fails, and though a run that fails early does not know it."""
    file = tmp_path / "people.prom"
    name = 'gluu_changes_sync_last_success_timestamp_seconds{sync="people"}'
    code = 'gluu_changes_sync_last_run_exit_code{sync="people"}'
    with pytest.raises(ChangesUnavailable):
        told(Outcome(), ChangesUnavailable("it is away"), metrics_file=file)
    assert name not in metrics(file)
    told(DONE, metrics_file=file)
    good = metrics(file)
    assert good[code] == 0
    assert good['gluu_changes_sync_last_run_changes{sync="people",kind="created"}'] == 3
    assert good['gluu_changes_sync_people{sync="people"}'] == 100
    with pytest.raises(ChangesUnavailable):
        told(Outcome(), ChangesUnavailable("it is away"), metrics_file=file)
    assert metrics(file)[name] == good[name]
    assert metrics(file)[code] == 5
    with pytest.raises(Braked):
        told(Outcome(since=SINCE), Braked("too many"), metrics_file=file)
    assert metrics(file)[name] == SINCE.timestamp()


def test_what_did_nothing_leaves_the_metrics_alone(tmp_path: Path) -> None:
    """A dry run is no success, and a run that found the state locked no failure."""
    file = tmp_path / "people.prom"
    told(Outcome(dry_run=True), metrics_file=file)
    with pytest.raises(Locked):
        told(Outcome(), Locked("another run"), metrics_file=file)
    assert not file.exists()


def test_a_file_of_metrics_that_is_garbage_is_replaced(tmp_path: Path) -> None:
    """It may be of an older version."""
    file = tmp_path / 'odd "name.prom'
    file.write_bytes(b"\xff gluu_changes_sync_last_success_timestamp_seconds{} x\n")
    with pytest.raises(ChangesUnavailable):
        told(Outcome(), ChangesUnavailable("it is away"), metrics_file=file)
    assert r'{sync="odd \"name"}' in file.read_text()


def test_metrics_are_of_the_text_format(tmp_path: Path) -> None:
    """As Prometheus documents it: a help and a type before the values of each metric."""
    file = tmp_path / "people.prom"
    told(DONE, metrics_file=file)
    name, label = "gluu_changes_sync_[a-z_]+", r'[a-z]+="[^"]*"'
    metric = (
        rf"# HELP ({name}) [^\n]+\n# TYPE \1 gauge\n"
        rf"(?:\1{{{label}(?:,{label})*}} [0-9.e+-]+\n)+"
    )
    text = file.read_text()
    while text:
        found = re.match(metric, text)
        assert found, text
        text = text[found.end() :]


def test_a_report_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """But hides no failure of the run."""
    nowhere = tmp_path / "none" / "report.json"
    with pytest.raises(SyncError, match="cannot be written: No such file"):
        told(DONE, report=nowhere)
    file = io.StringIO()
    with pytest.raises(ChangesUnavailable, match="it is away"):
        told(Outcome(), ChangesUnavailable("it is away"), report=nowhere, file=file)
    assert "cannot be written" in file.getvalue()


def test_what_is_no_file_is_written_to() -> None:
    """Such as the standard error of a container."""
    ours, theirs = os.pipe()
    replace_file(Path(f"/dev/fd/{theirs}"), "text\n")
    os.close(theirs)
    with open(ours) as pipe:
        assert pipe.read() == "text\n"


@click.command()
@operator_options
def command(operator: OperatorOptions) -> None:
    """Print what it was given."""
    click.echo(operator)


def test_the_options_reach_a_command_as_one() -> None:
    """With short names where operators expect them."""
    run = CliRunner().invoke(command, ["-q", "--report", "a.json"])
    assert run.output == f"{OperatorOptions(report=Path('a.json'), quiet=True)}\n"
