"""What the manual says of the sync job is what its commands know, and its units are systemd's."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from flask_gluu_changes.sync.cli import cli
from flask_gluu_changes.sync.credentials import SECRET
from flask_gluu_changes.sync.exit_codes import ExitCode
from flask_gluu_changes.sync.metrics_file import write_metrics
from flask_gluu_changes.sync.outcome import Outcome
from flask_gluu_changes.sync.report import Report
from flask_gluu_changes.timestamps import EPOCH

from .blocks import ROOT, Block, blocks_of, pages

SCHEDULE = ROOT / "docs/how-to/sync-schedule.md"
REFERENCE = ROOT / "docs/reference/sync-job.md"

PROGRAM = "/opt/people-sync/bin/gluu-changes"

RUN = Report("pull", "https://people.example.org/", Outcome(since=EPOCH), ExitCode.DONE, "", 1.0)


def commands_named() -> Iterator[tuple[str, str, list[str]]]:
    """Yield each command that a block of the manual runs: its place, its name, its options."""
    call = re.compile(r"gluu-changes (pull|follow|verify|status)\b([^\n|&]*)")
    blocks = (block for page in pages() for block in blocks_of(page))
    for block in (block for block in blocks if block.role != "output"):
        text = block.text.replace("\\\n", " ")
        for found in call.finditer(re.sub(r"flask .*gluu-changes.*", "", text)):
            words = shlex.split(found[2].replace("`", "").replace("\\%", "%"), comments=True)
            yield block.place, found[1], [w for w in words if w.startswith("-") and w != "-"]


def options_of(name: str) -> dict[str, click.Parameter]:
    """Return the options of a command by each of their spellings."""
    return {word: p for p in cli.commands[name].params for word in (*p.opts, *p.secondary_opts)}


def test_every_option_in_the_manual_exists() -> None:
    """For the command behind which it stands."""
    found = list(commands_named())
    assert len(found) > 12
    unknown = {(place, w) for place, name, ws in found for w in ws if w not in options_of(name)}
    assert unknown == set()


def test_every_option_named_in_prose_exists() -> None:
    """On the pages of the job."""
    known = {word for name in cli.commands for word in options_of(name)}
    for page in (
        REFERENCE,
        *ROOT.glob("docs/how-to/sync-*.md"),
        ROOT / "docs/how-to/gluu-server.md",
    ):
        named = set(re.findall(r"`(--[a-z-]+)", page.read_text()))
        assert named - known - {"--collector"} == set(), page


def test_every_variable_in_the_manual_exists() -> None:
    """A reader copies them into units and manifests."""
    parameters = (p for command in cli.commands.values() for p in command.params)
    known = {SECRET, *(str(p.envvar) for p in parameters if p.envvar)}
    named = {n for page in pages() for n in re.findall(r"GLUU_SYNC_[A-Z_]+", page.read_text())}
    assert named - known == set()
    assert len(named) > 4


def test_the_sample_report_is_one() -> None:
    """With the keys that a run writes, in their order."""
    (sample,) = (json.loads(b.text) for b in blocks_of(REFERENCE) if b.language == "json")
    written = json.loads(RUN.to_json())
    assert [*sample] == [*written]
    assert [*sample["counts"]] == [*written["counts"]]
    assert sample["format"] == written["format"]


def test_every_metric_is_documented(tmp_path: Path) -> None:
    """And no other; the alerts are about metrics that are there."""
    file = tmp_path / "people.prom"
    write_metrics(file, RUN, EPOCH)
    written = set(re.findall(r"^# TYPE (\w+)", file.read_text(), re.M))
    name = r"gluu_changes_sync_\w+"
    assert set(re.findall(name, REFERENCE.read_text())) == written
    assert set(re.findall(name, SCHEDULE.read_text())) <= written


def test_manifests_are_yaml() -> None:
    """And their arguments are ones that the command takes."""
    job, rules = (yaml.safe_load(b.text) for b in blocks_of(SCHEDULE) if b.language == "yaml")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    name, *words = container["args"]
    assert {w for w in words if w.startswith("--")} <= options_of(name).keys()
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["volumes"]}
    assert [rule["alert"] for group in rules["groups"] for rule in group["rules"]]


def test_prometheus_accepts_metrics_and_alerts(tmp_path: Path) -> None:
    """By its own examination, which has nothing to say of names and texts either."""
    metrics, rules = tmp_path / "people.prom", tmp_path / "rules.yml"
    write_metrics(metrics, RUN, EPOCH)
    (text,) = (b.text for b in blocks_of(SCHEDULE) if "alert:" in b.text)
    rules.write_text(text)
    options: dict[str, Any] = {"capture_output": True, "timeout": 30}
    checks = [
        subprocess.run(["promtool", "check", "metrics"], input=metrics.read_bytes(), **options),
        subprocess.run(["promtool", "check", "rules", str(rules)], **options),
    ]
    assert [check.returncode for check in checks] == [0, 0], checks
    assert checks[0].stderr == b""


def units() -> list[Block]:
    return [block for block in blocks_of(SCHEDULE) if block.language == "ini"]


@pytest.mark.timeout(120)
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    """By its own examination, with a program in place of one that is not installed here."""
    names = ("people-sync.service", "people-sync.timer", "people-follow.service")
    for name, unit in zip(names, units(), strict=True):
        (tmp_path / name).write_text(unit.text.replace(PROGRAM, "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in names)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "info"},
    )
    ours = [line for line in done.stderr.splitlines() if "people-" in line]
    assert (done.returncode, ours) == (0, []), done.stderr
