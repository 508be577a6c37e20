"""What the private servers of the tests have in common: a folder, a loopback port, an end."""

from __future__ import annotations

import contextlib
import getpass
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.processes import guard

PATIENCE = 30.0  # seconds that a start or a stop may take
SEARCH_PATH = "/usr/sbin:/usr/local/sbin:/usr/libexec:/usr/bin"


class ServerError(RuntimeError):
    """A server of a test did not do what it was told; the message ends with its log."""


def program(name: str, package: str, *folders: Path) -> str:
    """Find a server's program, which distributions keep outside the usual PATH."""
    places = ":".join([os.environ.get("PATH", ""), SEARCH_PATH, *map(str, folders)])
    found = shutil.which(name, path=places)
    if found is None:
        raise ServerError(f"There is no {name}. On Debian: apt-get install {package}.")
    return found


class Server:
    """A process in the foreground, in a folder of its own that goes with it."""

    user: str | None = None  # who runs it where the tests are root's; None: root

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gluu-changes-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        if self._account:
            os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)

    @property
    def account(self) -> str:
        """The name of whoever runs it."""
        return self._account.pw_name if self._account else getpass.getuser()

    @property
    def pid(self) -> int:
        """The process of the running server."""
        if self._process is None:
            raise ServerError("This server is not running. Did you forget to call start()?")
        return self._process.pid

    def hand_over(self, file: Path) -> None:
        """Give a file to whoever runs the server, and to nobody else."""
        file.chmod(0o600)
        if self._account:
            os.chown(file, self._account.pw_uid, self._account.pw_gid)

    def prepare(self, *command: str) -> None:
        """Run a command of the server's, such as the one that makes its data, to its end."""
        done = subprocess.run(command, capture_output=True, **self._identity())
        if done.returncode:
            raise ServerError(f"{command[0]} failed:\n{done.stderr.decode(errors='replace')}")

    def run(self, command: Sequence[str], answers: Callable[[], bool]) -> None:
        """Start the server and return when it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._identity(),
            )
        self._guard = guard(self._process.pid)
        self._await(answers)

    def end(self, signal: int) -> None:
        """End the server and wait for it; harmless when it is not running."""
        process, watch = self._process, self._guard
        self._process = self._guard = None
        if process is not None:
            process.send_signal(signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
            process.kill()
            process.wait()
        if watch is not None:
            watch.kill()
            watch.communicate()

    def remove(self) -> None:
        """Delete the folder with all data."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it and return when it answers."""
        raise NotImplementedError

    def stop(self) -> None:
        """End it in good order."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self.remove()

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    @property
    def _account(self) -> pwd.struct_passwd | None:
        return pwd.getpwnam(self.user) if self.user and os.getuid() == 0 else None

    def _identity(self) -> dict[str, Any]:
        account = self._account
        return {"user": account.pw_uid, "group": account.pw_gid} if account else {}

    def _await(self, answers: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not answers():
            gone = self._process is None or self._process.poll() is not None
            if gone or time.monotonic() > deadline:
                self.end(9)
                raise ServerError(f"no answer:\n{self._log.read_text(errors='replace')}")
            time.sleep(0.01)
