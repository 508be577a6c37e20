"""A private pgbouncer: each transaction gets whichever of a few sessions is free."""

from __future__ import annotations

import signal

import psycopg

from tests.support.postgres import DATABASE, PASSWORD, USER, Postgres
from tests.support.processes import HOST, free_port
from tests.support.servers import Server, program

SESSIONS = 2
"""So few that clients share them."""

SETTINGS = """
[databases]
{database} = host={host} port={server} dbname={database}
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir = {folder}
auth_type = plain
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {sessions}
"""


class PgBouncer(Server):
    """A pooler of transactions; it refuses to run as root."""

    user = "postgres"

    def __init__(self, server: Postgres) -> None:
        super().__init__()
        self.port = free_port()
        settings = SETTINGS.format(
            database=DATABASE,
            host=HOST,
            server=server.port,
            port=self.port,
            folder=self.folder,
            sessions=SESSIONS,
        )
        for name, text in (("settings.ini", settings), ("users", f'"{USER}" "{PASSWORD}"\n')):
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o644)

    @property
    def url(self) -> str:
        """The SQLAlchemy URL by which the database is asked through it."""
        return f"postgresql+psycopg://{USER}:{PASSWORD}@{HOST}:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Start it and return when it lets clients through."""
        pgbouncer = program("pgbouncer", "pgbouncer")
        self.run([pgbouncer, str(self.folder / "settings.ini")], self.answers)

    def answers(self) -> bool:
        """Tell whether it lets clients through."""
        where = {"host": HOST, "port": self.port, "dbname": DATABASE}
        try:
            psycopg.connect(**where, user=USER, password=PASSWORD).close()  # type: ignore[arg-type]
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """End it at once."""
        self.end(signal.SIGTERM)
