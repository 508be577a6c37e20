"""Private PostgreSQL servers with streaming replicas, which may lag, be killed and be promoted.

with Primary() as primary, Replica(primary, delay=2) as behind:
    primary.kill()
    behind.promote()
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from tests.support.postgres import DATABASE, FAST, PASSWORD, USER, Postgres, program_of
from tests.support.processes import HOST
from tests.support.slapd import make_certificates

PATIENCE = 30.0

_pause = threading.Event()  # is never set: what a replica does can only be looked at


class Primary(Postgres):
    """A server that hands on what it commits at once."""

    settings = tuple(option for option in FAST if not option.startswith("synchronous_commit"))

    def kill(self) -> None:
        """End it as a power cut does."""
        self.end(signal.SIGKILL)

    def ask(self, statement: str) -> Any:
        """Return the first value of what a statement gives."""
        with self.connect() as connection:
            row = connection.execute(statement.encode()).fetchone()
        return row[0] if row else None

    def run_alone(self, *statements: str) -> None:
        """Run statements, each by itself."""
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())


class EncryptedPrimary(Primary):
    """A server that speaks TLS; its authority is `ca.pem` in its folder."""

    def make(self) -> None:
        """Make its data and its certificate."""
        super().make()
        make_certificates(self.folder)
        for name in ("server.pem", "server.key", "ca.pem"):
            self.hand_over(self.folder / name)
        own = {"ssl_cert_file": "server.pem", "ssl_key_file": "server.key"}
        paths = [f"{name}={self.folder / file}" for name, file in own.items()]
        self.settings = (*self.settings, "ssl=on", *paths)


class Replica(Primary):
    """A streaming replica of a server.

    delay: seconds after which it shows a commit.
    """

    def __init__(self, primary: Primary, *, delay: float = 0.0) -> None:
        self._primary = primary
        late = f"recovery_min_apply_delay={int(delay * 1000)}ms"
        self.settings = (*Primary.settings, late, "wal_retrieve_retry_interval=100ms")
        super().__init__()

    def make(self) -> None:
        """Copy the primary."""
        word, to = f"PGPASSWORD={PASSWORD}", f"--pgdata={self.folder / 'data'}"
        source = [f"--host={HOST}", f"--port={self._primary.port}", f"--username={USER}"]
        how = ["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]
        self.prepare("env", word, program_of("pg_basebackup"), to, *source, *how)

    def cut_off(self) -> None:
        """Have it receive nothing any more: what is committed from now on it lacks for good."""
        self.run_alone("ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
        await_that(lambda: self.ask("SELECT count(*) FROM pg_stat_wal_receiver") == 0)

    def promote(self) -> None:
        """Make it the primary, and return when it takes writes."""
        self.ask("SELECT pg_promote(wait => true)")
        await_that(lambda: not self.ask("SELECT pg_is_in_recovery()"))

    def pause(self) -> None:
        """Have it show nothing newer until `go_on`."""
        self.run_alone("SELECT pg_wal_replay_pause()")
        await_that(lambda: self.ask("SELECT pg_get_wal_replay_pause_state()") == "paused")

    def go_on(self) -> None:
        """Have it show again what it receives."""
        self.run_alone("SELECT pg_wal_replay_resume()")

    def catch_up(self) -> None:
        """Return when it shows all that the primary has committed by now."""
        wanted = self._primary.ask("SELECT pg_current_wal_lsn()")
        await_that(lambda: self.ask(f"SELECT pg_last_wal_replay_lsn() >= '{wanted}'::pg_lsn"))


def pause(seconds: float) -> None:
    """Let other processes go on for a while."""
    _pause.wait(seconds)


def await_that(holds: Callable[[], object]) -> None:
    """Wait until something holds; nothing tells of it."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it does not come to hold"
        _pause.wait(0.02)


def several_hosts(servers: Iterable[Postgres], wanted: str) -> str:
    """Return the URL of those of several servers that are as wanted (target_session_attrs)."""
    hosts = "&".join(f"host={HOST}:{server.port}" for server in servers)
    login = f"postgresql+psycopg://{USER}:{PASSWORD}@/{DATABASE}"
    return f"{login}?{hosts}&target_session_attrs={wanted}"
