"""A job that is killed again and again while people are changed and deleted; then all is equal."""

from __future__ import annotations

import random
import subprocess
import threading
from collections.abc import Callable
from time import monotonic

from .sync_command import Synced, script

PEOPLE = 2000
PAUSE = 0.05
"""Seconds between two changes."""


class Changes:
    """Changes and deletes people in a thread until the end of the `with`."""

    def __init__(self, change: Callable[[random.Random], None], seed: str) -> None:
        self._change = change
        self._chance = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._over.wait(PAUSE):
            self._change(self._chance)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def kill_often(
    synced: Synced, change: Callable[[random.Random], None], kills: int, seed: str
) -> None:
    """Kill that many runs at random moments while people change, and end with one that may end.

    Some of them read everybody, as the first one does.
    """
    chance, killed = random.Random(seed), 0
    began = monotonic()
    dry = synced.pull("--dry-run")
    assert dry.code == 0, dry.err
    usual = monotonic() - began
    with Changes(change, seed):
        while killed < kills:
            words = ["--full"] if killed % 3 == 2 else []
            killed += _killed(synced, words, chance.uniform(0.2, 1.0) * usual)
    assert synced.pull().code == 0


def assert_equal(synced: Synced) -> None:
    """Check that the command finds nothing that differs, and neither do the rows themselves."""
    done = synced.command("verify")
    assert done.code == 0, done.err
    assert synced.people() == synced.dump()


def _killed(synced: Synced, words: list[str], seconds: float) -> bool:
    command = [*script(), "pull", synced.url, *words]
    with subprocess.Popen(command, env=synced.environment, stderr=subprocess.DEVNULL) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return True
    assert process.returncode in (0, 75), process.returncode
    return False
