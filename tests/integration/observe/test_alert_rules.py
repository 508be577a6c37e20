"""By promtool: each alert fires when what it watches is broken, not before its time, and alone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from tests.support.apps import OPERATION, PEOPLE, query_of
from tests.support.paths import ROOT
from tests.support.servers import program

RULES = ROOT / "monitoring" / "alerts.yml"

Series = dict[str, str]

UP = 'up{job="gluu-changes",instance="web"}'
BACKEND = 'gluu_changes_backend_up{instance="web"}'
BUILT = 'gluu_changes_journal_built{instance="web"}'
CONFIRMED = 'gluu_changes_journal_confirmed_timestamp_seconds{instance="web"}'
EXACT = 'gluu_changes_journal_level{level="exact",instance="web"}'
FOLLOW = 'gluu_changes_follow_connected{instance="one"}'
STANDBY = 'gluu_changes_follow_connected{instance="standby"}'
SWEEPS = 'gluu_changes_follow_sweeps_total{result="failed"}'
ASIDE = 'gluu_changes_journal_quarantined_entries{instance="web"}'
HELD = 'gluu_changes_journal_held_removals{instance="web"}'
GOOD = 'gluu_changes_requests_total{form="deltaToken",status="200"}'
REFUSED = 'gluu_changes_requests_total{form="deltaToken",status="401"}'
ERRORS = 'gluu_changes_requests_total{form="deltaToken",status="503"}'
EXPIRED = "gluu_changes_tokens_expired_total"
SERVER = 'gluu_changes_authorization_server_up{instance="web"}'
QUICK = 'gluu_changes_request_seconds_bucket{form="deltaToken",le="0.1"}'
SLOW = 'gluu_changes_request_seconds_bucket{form="deltaToken",le="5"}'
ALL = 'gluu_changes_request_seconds_bucket{form="deltaToken",le="+Inf"}'
WAITS = 'gluu_changes_request_seconds_bucket{form="wait",le="30"}'
ALL_WAITS = 'gluu_changes_request_seconds_bucket{form="wait",le="+Inf"}'

HEALTHY: Series = {
    **dict.fromkeys([UP, BACKEND, BUILT, EXACT, FOLLOW, SERVER], "1x120"),
    **dict.fromkeys([STANDBY, SWEEPS, ASIDE, HELD, EXPIRED], "0x120"),
    **dict.fromkeys([GOOD, QUICK, SLOW, ALL, WAITS, ALL_WAITS], "0+600x120"),
    CONFIRMED: "0+60x120",  # each minute
    REFUSED: "0+6x120",
    ERRORS: "0+1x120",
}
"""Two hours in which all is well, in promtool's notation: value, growth and number of minutes."""

BREAKS: list[tuple[str, int, int, Series]] = [
    ("Down", 61, 63, {UP: "1x60 0x60"}),
    ("BackendDown", 61, 63, {BACKEND: "1x60 0x60"}),
    ("JournalNotBuilt", 80, 92, {BUILT: "1x60 0x60"}),
    ("JournalStale", 69, 73, {CONFIRMED: "0+60x60 3600x60"}),
    ("LevelLost", 65, 72, {EXACT: "1x60 0x60"}),
    ("FollowDisconnected", 63, 67, {FOLLOW: "1x60 0x60"}),
    ("FollowDisconnected", 64, 73, {FOLLOW: "1x60 stale", STANDBY: "0x60 stale"}),
    ("SweepsFail", 60, 64, {SWEEPS: "0x60 1+1x60"}),
    ("EntriesSetAside", 70, 77, {ASIDE: "0x60 1x60"}),
    ("RemovalsHeldBack", 63, 67, {HELD: "0x60 39x60"}),
    ("Errors", 61, 70, {ERRORS: "0+1x60 60+200x60"}),
    ("ClientsRefused", 65, 85, {REFUSED: "0+6x60 360+2000x60"}),
    ("ClientsBeginAnew", 60, 63, {EXPIRED: "0x60 20x60"}),
    ("AuthorizationServerDown", 61, 63, {SERVER: "1x60 0x60"}),
    ("AuthorizationServerDown", 61, 64, {SERVER: "1x60 0 stale"}),
    ("Slow", 65, 80, {QUICK: "0+600x60 36000x60"}),
]
"""The alert; a minute in which it must not fire yet, and one in which it must; what is broken."""


def unit_test(series: Series, expected: dict[int, str]) -> dict[str, Any]:
    """Write a test of promtool: at some minutes, which alert is all that fires."""
    firing = 'count by (alertname) (ALERTS{alertstate="firing"})'
    samples = {
        minute: [{"labels": f'{{alertname="GluuChanges{name}"}}', "value": 1}] if name else []
        for minute, name in expected.items()
    }
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {"expr": firing, "eval_time": f"{minute}m", "exp_samples": found}
            for minute, found in samples.items()
        ],
    }


def promtool(*arguments: str) -> None:
    """Run it; the message of a failure is its own."""
    command = [program("promtool", "prometheus"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def tried(folder: Path, *tests: dict[str, Any]) -> None:
    """Run tests of the rules; JSON is YAML."""
    file = folder / "alerts_test.yml"
    content = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}
    file.write_text(json.dumps(content))
    promtool("test", "rules", str(file))


def test_the_rules_are_rules() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))


def test_nothing_fires_while_all_is_well(tmp_path: Path) -> None:
    tried(tmp_path, unit_test(HEALTHY, {5: "", 60: "", 119: ""}))


@pytest.mark.parametrize(("name", "silent", "fires", "broken"), BREAKS)
def test_an_alert_fires_alone_and_in_time(
    name: str, silent: int, fires: int, broken: Series, tmp_path: Path
) -> None:
    tried(tmp_path, unit_test({**HEALTHY, **broken}, {silent: "", fires: name}))


def test_every_alert_is_tried() -> None:
    """And each says what is wrong, and what to do about it."""
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    names = {rule["alert"].removeprefix("GluuChanges") for rule in group["rules"]}
    assert names == {name for name, *_ in BREAKS}
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "description"}


def test_the_metrics_are_named_by_the_rules_of_prometheus() -> None:
    """Base units, help texts and suffixes, as promtool checks them."""
    app = Flask("metrics")
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass", GLUU_CHANGES_METRICS=True)
    GluuChanges(app, backend=MemoryBackend(PEOPLE))
    app.test_client().get(OPERATION, query_string=query_of())
    text = app.test_client().get(f"{OPERATION}/metrics").text
    command = [program("promtool", "prometheus"), "check", "metrics"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
