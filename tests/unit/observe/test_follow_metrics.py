"""What `follow` tells Prometheus of itself, on a port and in a file."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import time

import click
import httpx
import pytest
from flask import Flask

from flask_gluu_changes import BackendUnavailable, GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.cli.follow_metrics import measuring, read_address
from flask_gluu_changes.follower import (
    Checkpoint,
    Deleted,
    DeleteUnmentioned,
    Event,
    Heartbeat,
    SnapshotStarted,
    Upserted,
)
from flask_gluu_changes.journal.ingest.removal_limit import RemovalLimit
from flask_gluu_changes.observe.prometheus.follow import PrometheusFollowMeter
from tests.support.processes import free_port
from tests.support.scraped import Samples, samples_of
from tests.unit.journal.ingest.scripted import Step, World, raising


def _listing(*names: str) -> tuple[Event, ...]:
    people = (Upserted(name, {"uid": [name], "inum": [name]}) for name in names)
    return SnapshotStarted(True), *people, DeleteUnmentioned(), Checkpoint("1", True)


def told(meter: PrometheusFollowMeter, folder: Path) -> Samples:
    """Return what is written to a file at the end."""
    file = folder / "follow.prom"
    with meter.written_to(str(file)):
        return samples_of(file.read_text())


def follow(folder: Path, *steps: Step, share: float = 1.0, stop: int = 1) -> Samples:
    """Follow a script to its end."""
    world = World(*steps, stop=stop, built=False)
    world.writer.meter = meter = PrometheusFollowMeter()
    world.service._removal_limit = RemovalLimit(world.writer, share)
    world.run()
    return told(meter, folder)


def test_changes_are_counted_by_their_kind(tmp_path: Path) -> None:
    """A write that changes nothing is no change."""

    def step() -> Iterable[Event]:
        yield from _listing("a", "b", "c")
        yield Upserted("a", {"uid": ["a"], "inum": ["a"]})
        yield Deleted(["b"])
        yield Heartbeat()

    found = follow(tmp_path, step)
    assert found['follow_changes_total{kind="upserted"}'] == 3
    assert found['follow_changes_total{kind="removed"}'] == 1
    assert found['follow_sweeps_total{result="completed"}'] == 1
    assert found['follow_sweeps_total{result="failed"}'] == 0
    assert found["follow_connected"] == 1


def test_an_idle_source_is_confirmed(tmp_path: Path) -> None:
    """Again and again, though nothing is written."""
    began = time()
    found = follow(tmp_path, lambda: (*_listing("a"), Heartbeat(), Heartbeat()))
    assert began <= found["follow_confirmed_timestamp_seconds"] <= time()


def test_a_source_that_is_away(tmp_path: Path) -> None:
    """Is told, and that a reading of everybody failed."""
    away = BackendUnavailable("away")
    found = follow(tmp_path, lambda: _listing("a"), raising(away, SnapshotStarted(True)), stop=2)
    assert found["follow_connected"] == 0
    assert found['follow_sweeps_total{result="failed"}'] == 1
    assert found['follow_sweeps_total{result="completed"}'] == 1


def test_removals_that_are_held_back(tmp_path: Path) -> None:
    """So that somebody looks before clients lose everybody."""
    names = [f"p{number}" for number in range(40)]
    found = follow(
        tmp_path, lambda: (*_listing(*names), Deleted(names[1:]), Heartbeat()), share=0.1
    )
    assert found["follow_held_removals"] == 39
    assert found['follow_changes_total{kind="removed"}'] == 0


def test_a_port_answers_prometheus() -> None:
    """And whoever asks for some of the metrics."""
    port = free_port()
    with measuring(("127.0.0.1", port), None) as meter:
        assert meter is not None
        meter.held(3)
        url = f"http://127.0.0.1:{port}/metrics"
        assert samples_of(httpx.get(url, trust_env=False).text)["follow_held_removals"] == 3
        some = httpx.get(f"{url}?name[]=gluu_changes_follow_held_removals", trust_env=False)
        assert samples_of(some.text) == {"follow_held_removals": 3}


def test_a_file_is_whole_and_says_when_it_has_ended(tmp_path: Path) -> None:
    """At the end nobody is connected any more."""
    file = tmp_path / "follow.prom"
    with measuring(None, str(file)) as meter:
        assert meter is not None
        meter.connected(True)
    assert samples_of(file.read_text())["follow_connected"] == 0
    assert not re.search("_created", file.read_text())
    assert [*tmp_path.iterdir()] == [file]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9111", ("127.0.0.1", 9111)),
        ("0.0.0.0:9111", ("0.0.0.0", 9111)),
        ("[::1]:9111", ("::1", 9111)),
    ],
)
def test_an_address(text: str, address: tuple[str, int]) -> None:
    """Without one only this machine is answered."""
    assert read_address(None, None, text) == address  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "x", "0", "65536", "1:", "٣"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no port such as 9111"):
        read_address(None, None, text)  # type: ignore[arg-type]


def test_what_cannot_be_offered_is_a_sentence(tmp_path: Path) -> None:
    """The command ends with it before it follows anything."""
    app = Flask("follow")
    app.config.update(
        TESTING=True,
        GLUU_CHANGES_PROTECTION="bypass",
        GLUU_CHANGES_JOURNAL_URL=f"sqlite:///{tmp_path}/journal.db",
    )
    GluuChanges(app, backend=MemoryBackend())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for option, value in (
            ("--metrics-port", port),
            ("--metrics-file", f"{tmp_path}/nowhere/x.prom"),
        ):
            runner = app.test_cli_runner()
            done = runner.invoke(args=["gluu-changes", "follow", option, value])
            assert done.exit_code == 1
            assert re.search(r"^Error: metrics cannot be offered: \w+", done.output, re.M)


def test_times_are_seconds_since_the_epoch(tmp_path: Path) -> None:
    """As all times of Prometheus are."""
    meter = PrometheusFollowMeter()
    meter.written(0, 0, int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1_000_000))
    assert told(meter, tmp_path)["follow_confirmed_timestamp_seconds"] == 1_704_067_200
