"""A private PostgreSQL for tests: its own folder, its own loopback port, a password.

    with Postgres() as server:
        create_engine(server.url)

PostgreSQL refuses to run as root; there, Debian's account postgres runs it.
"""

from __future__ import annotations

import signal
from pathlib import Path

import psycopg

from tests.support.processes import HOST, free_port
from tests.support.servers import Server, program

USER, PASSWORD, DATABASE = "gluu", "s3cret-word", "postgres"
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "lc_messages=C")


class Postgres(Server):
    """One PostgreSQL, made anew; stopping and starting it keeps its data and its port."""

    user = "postgres"
    settings: tuple[str, ...] = FAST

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()
        self.make()

    def make(self) -> None:
        """Make its data."""
        word = self.folder / "password"
        word.write_text(PASSWORD)
        word.chmod(0o644)
        initdb = ["--no-sync", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        initdb += [f"--username={USER}", f"--pwfile={word}", f"--pgdata={self._data}"]
        self.prepare(program_of("initdb"), *initdb)

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the server's owner."""
        return f"postgresql+psycopg://{USER}:{PASSWORD}@{HOST}:{self.port}/{DATABASE}"

    def connect(self) -> psycopg.Connection:
        """Connect with the driver alone."""
        where = {"host": HOST, "port": self.port, "dbname": DATABASE}
        return psycopg.connect(**where, user=USER, password=PASSWORD, autocommit=True)  # type: ignore[arg-type]

    def start(self) -> None:
        """Start it and return when it answers."""
        options = [
            f"listen_addresses={HOST}",
            f"unix_socket_directories={self.folder}",
            *self.settings,
        ]
        command = [program_of("postgres"), "-D", str(self._data), "-p", str(self.port)]
        self.run([*command, *(part for option in options for part in ("-c", option))], self.answers)

    def answers(self) -> bool:
        """Tell whether it lets clients in."""
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """End it at once in good order: clients are cut off (a fast shutdown)."""
        self.end(signal.SIGINT)

    @property
    def _data(self) -> Path:
        return self.folder / "data"


def program_of(name: str) -> str:
    """Find a program of PostgreSQL's newest version."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return program(name, "postgresql", *versions)
