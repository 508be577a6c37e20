"""`gluu-changes follow` applies what comes, outlives outages, and ends when it is told to."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from time import monotonic, sleep

import pytest

from tests.support.sync_command import Synced, script

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def following(synced: Synced) -> Iterator[subprocess.Popen[bytes]]:
    """The command, in the background."""
    words = [*script(), "follow", synced.url, "--wait", "5"]
    with subprocess.Popen(words, env=synced.environment, stderr=subprocess.PIPE) as process:
        yield process
        process.kill()


def _until(synced: Synced, names: list[str]) -> None:
    """Wait until the table has these people."""
    file, until = synced.folder / "replica.db", monotonic() + 40
    while monotonic() < until:
        made = file.exists() and synced.rows("SELECT 1 FROM sqlite_master WHERE name = 'people'")
        if made and [*synced.people()] == names:
            return
        sleep(0.1)
    raise AssertionError("it was not followed")


def test_changes_are_followed_until_the_end(
    synced: Synced, following: subprocess.Popen[bytes]
) -> None:
    """As they come, and through an outage of the server; SIGTERM ends it in good order."""
    synced.journal.put("a")
    _until(synced, ["a"])
    synced.serving.stop()
    synced.journal.put("b")
    synced.serving.start()
    _until(synced, ["a", "b"])
    assert synced.pull().code == 75
    following.send_signal(signal.SIGTERM)
    assert following.wait(20) == 0


def test_the_brake_ends_it(synced: Synced, following: subprocess.Popen[bytes]) -> None:
    """With its exit code, so that nobody restarts it unseen."""
    names = [f"{number:02}" for number in range(20)]
    synced.journal.put(*names)
    _until(synced, names)
    synced.journal.remove(*names[:15])
    assert following.wait(40) == 3
    assert len(synced.people()) == 20
