"""A command of `--exec` that hangs ends within its time, with all that it started."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import pytest

from flask_gluu_changes.sync import command_sink
from flask_gluu_changes.sync.command_sink import CommandSink
from flask_gluu_changes.sync.errors import HookFailed
from tests.support.sync_command import Synced, run_command, script

PATIENCE = 20.0

pytestmark = pytest.mark.timeout(60)


def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = monotonic() + PATIENCE
    while not holds():
        assert monotonic() < deadline
        sleep(0.02)


class Hook:
    """A shell script, which tells the process that it started and waits for."""

    def __init__(self, folder: Path, before: str = "") -> None:
        self._pid = folder / "pid"
        self._file = folder / "hook.sh"
        self._file.write_text(f"{before}\nsleep 600 & echo $! > {self._pid}\nwait\nsleep 600\n")
        self.command = f"sh {self._file}"

    def mend(self, file: Path) -> None:
        """Have it copy its input to a file."""
        self._file.write_text(f"cat > {file}\n")

    def has_begun(self) -> bool:
        """Return whether the process was started."""
        return self._pid.exists() and self._pid.read_text().endswith("\n")

    def is_over(self) -> bool:
        """Return whether the process has ended; perhaps nobody has asked how."""
        try:
            stat = Path(f"/proc/{self._pid.read_text().strip()}/stat").read_text()
        except FileNotFoundError:
            return True
        return stat.rpartition(")")[2].split()[0] == "Z"


def test_a_command_that_hangs(synced: Synced, tmp_path: Path) -> None:
    """Has failed, as one that ends with an error; its batch comes again."""
    hook, got = Hook(tmp_path), tmp_path / "got"
    words = ("--state", tmp_path / "s.db", "--exec", hook.command, "--exec-timeout", "1")
    synced.journal.put("a")
    done = run_command("pull", synced.url, *words)
    assert (done.code, "did not end within 1 s" in done.err) == (6, True), done.err
    assert "--exec-timeout" in done.err
    until(hook.is_over)
    hook.mend(got)
    assert run_command("pull", synced.url, *words).code == 0
    assert [json.loads(line)["@id"] for line in got.read_text().splitlines()] == ["a"]


def test_follow_ends_as_with_another_failure(synced: Synced, tmp_path: Path) -> None:
    """Whoever started it starts it again, and the batch comes again."""
    hook = Hook(tmp_path)
    words = ("--state", tmp_path / "s.db", "--exec", hook.command, "--exec-timeout", "1")
    synced.journal.put("a")
    assert run_command("follow", synced.url, *words).code == 6
    until(hook.is_over)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_ended_ends_its_command(
    synced: Synced, tmp_path: Path, number: signal.Signals
) -> None:
    """The command has a group of its own, which no terminal reaches."""
    hook = Hook(tmp_path)
    words = ["pull", synced.url, "--state", str(tmp_path / "s.db"), "--exec", hook.command]
    synced.journal.put("a")
    with subprocess.Popen([*script(), *words], stderr=subprocess.PIPE) as process:
        until(hook.has_begun)
        process.send_signal(number)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode not in (0, None)
    assert b"Traceback" not in said
    until(hook.is_over)


def test_a_command_that_heeds_no_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has some seconds to end well, and no more."""
    monkeypatch.setattr(command_sink, "GRACE", 0.1)
    hook = Hook(tmp_path, "trap '' TERM")
    with pytest.raises(HookFailed, match=r"did not end within 0\.5 s"):
        CommandSink(hook.command, 0.5).apply([])
    until(hook.is_over)


@pytest.mark.parametrize("text", ["0", "-1", "soon", "0m"])
def test_no_command_may_take_for_ever(synced: Synced, text: str) -> None:
    """A time is needed, and 0 is none."""
    done = run_command("pull", synced.url, "--state", "s", "--exec", "true", "--exec-timeout", text)
    assert (done.code, "--exec-timeout" in done.err) == (2, True), done.err
