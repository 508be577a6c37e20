"""The embedded people, kept in a SQLite file: found, added, edited and deleted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, String, cast, func, inspect, or_, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from flask_gluu_changes.errors import ConfigurationError

from .people import people
from .tables import Layout, Row, create_engine, now

PAGE = 25
LONGEST_TEXT = 1000
SEARCHED = ("uid", "cn", "mail")


class UidTaken(Exception):
    """Another person has this uid, in any case."""


@dataclass(frozen=True)
class Found:
    """A page of a search: its people, and how many there are on all pages."""

    people: list[Row]
    total: int
    page: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // PAGE))


class PeopleStore:
    """Writes as Gluu does: adding sets the time of creation, every edit sets `updatedAt`."""

    def __init__(self, file: Path, layout: Layout) -> None:
        self.url = URL.create("sqlite", database=str(file))
        self.layout = layout
        self._table = layout.table
        self._engine = create_engine(self.url)
        self._prepare(file)

    def _prepare(self, file: Path) -> None:
        """Make the file and its people where they are missing; leave no connection open."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)  # SQLite gives its other files the same mode
            with self._engine.begin() as connection:
                self._seed(connection)
        except (OSError, SQLAlchemyError) as error:
            raise ConfigurationError(
                f"the people cannot be kept in {file}: {getattr(error, 'orig', error)}; set"
                " EXAMPLE_PEOPLE_FILE to a path where they can"
            ) from error
        finally:
            self._engine.dispose()

    def _seed(self, connection: Connection) -> None:
        if not inspect(connection).has_table(self._table.name):
            self._table.create(connection)
            connection.execute(self._table.insert(), list(people(self.layout)))

    def count(self) -> int:
        """Return the number of people."""
        with self._engine.begin() as connection:
            return connection.scalar(select(func.count()).select_from(self._table)) or 0

    def find(self, text: str = "", page: int = 1) -> Found:
        """Return a page of those whose uid, name or mail address contains a text, ignoring case."""
        if len(text) > LONGEST_TEXT:  # SQLite refuses to look for one of 50,000 octets
            return Found([], 0, 1)
        columns = (func.casefold(cast(self._table.c[name], String)) for name in SEARCHED)
        matching = or_(*(c.contains(text.casefold(), autoescape=True) for c in columns))
        with self._engine.begin() as connection:
            total = connection.scalar(select(func.count()).where(matching)) or 0
            page = min(page, max(1, -(-total // PAGE)))
            rows = select(self._table).where(matching).order_by(func.casefold(self._table.c.uid))
            found = connection.execute(rows.limit(PAGE).offset((page - 1) * PAGE))
            return Found([dict(row._mapping) for row in found], total, page)

    def get(self, inum: str) -> Row | None:
        """Return a person, or None where there is none of this inum."""
        with self._engine.begin() as connection:
            row = connection.execute(select(self._table).where(self._is(inum))).first()
        return dict(row._mapping) if row else None

    def inums(self) -> list[str]:
        """Return the inums of all people."""
        with self._engine.begin() as connection:
            return list(connection.scalars(select(self._table.c.inum).order_by("inum")))

    def add(self, values: Row) -> str:
        """Add a person and return the inum; raise UidTaken where the uid is taken."""
        inum = str(uuid4())
        row = {**self.layout.identify(inum), **values, self.layout.created: now()}
        with self._engine.begin() as connection:
            self._refuse_taken(connection, inum, values)
            connection.execute(self._table.insert().values(row))
        return inum

    def edit(self, inum: str, values: Row) -> bool:
        """Change a person; return False where there is none, raise UidTaken for a taken uid."""
        row = {**values, "updatedAt": now()}
        with self._engine.begin() as connection:
            self._refuse_taken(connection, inum, values)
            done = connection.execute(self._table.update().where(self._is(inum)).values(row))
        return done.rowcount == 1

    def delete(self, inum: str) -> bool:
        """Delete a person; return False where there is none of this inum."""
        with self._engine.begin() as connection:
            done = connection.execute(self._table.delete().where(self._is(inum)))
        return done.rowcount == 1

    def _refuse_taken(self, connection: Connection, inum: str, values: Row) -> None:
        """Look for the uid under the transaction's lock, so that nobody can take it meanwhile."""
        uid = func.casefold(self._table.c.uid)
        same = select(self._table.c.inum).where(uid == values.get("uid", "").casefold())
        if connection.scalar(same.where(~self._is(inum))):
            raise UidTaken(values["uid"])

    def _is(self, inum: str) -> ColumnElement[bool]:
        return self._table.c.doc_id == inum
