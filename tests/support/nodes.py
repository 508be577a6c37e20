"""A web node: gunicorn or uWSGI, as a process of its own."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx

from .apps import OPERATION
from .servers import Server
from .slapd import HOST, free_port

APPLICATION = "benchmarks.app:create_app()"


class Node(Server):
    """One node; it keeps its port over restarts.

    environment: the application's settings. options: more of gunicorn's.
    """

    def __init__(
        self, environment: Mapping[str, str], *options: str, application: str = APPLICATION
    ) -> None:
        super().__init__()
        self.port = free_port()
        self._options = [*options, application]
        self._settings = [f"{name}={value}" for name, value in environment.items()]

    @staticmethod
    def kind(workers: int, threads: int) -> list[str]:
        """Return the options for so many workers, which are replaced now and then."""
        replaced = ["--max-requests", "150", "--max-requests-jitter", "50"]
        return ["--workers", f"{workers}", "--threads", f"{threads}", *replaced]

    def start(self) -> None:
        """Serve, and return when the first request is answered."""
        where = ["--bind", f"{HOST}:{self.port}", "--threads", "4"]
        gunicorn = [sys.executable, "-m", "gunicorn", *where, *self._options]
        self.run(["env", *self._settings, *gunicorn], self.answers)

    def stop(self) -> None:
        """End it in good order."""
        self.end(signal.SIGTERM)

    def restart(self) -> None:
        """Stop it in the middle of whatever it does, and start it again."""
        self.stop()
        self.start()

    def answers(self) -> bool:
        """Tell whether it answers anything at all."""
        with suppress(httpx.TransportError):
            return bool(httpx.get(f"http://{HOST}:{self.port}{OPERATION}/status").status_code)
        return False


class Uwsgi(Node):
    """The same as a uWSGI server, whose workers are forked from the application."""

    @staticmethod
    def kind(workers: int, threads: int) -> list[str]:
        """Return the options for so many workers, which are replaced now and then."""
        return ["--processes", f"{workers}", "--threads", f"{threads}", "--max-requests", "150"]

    def start(self) -> None:
        """Serve, and return when the first request is answered."""
        *options, application = self._options
        program = Path(sys.executable).with_name("uwsgi")
        where = ["--master", "--die-on-term", "--http-socket", f"{HOST}:{self.port}"]
        home = ["--home", sys.prefix, "--module", application]
        self.run(["env", *self._settings, f"{program}", *where, *options, *home], self.answers)
