"""A web node that serves a journal: gunicorn, as a process of its own."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from contextlib import suppress

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
