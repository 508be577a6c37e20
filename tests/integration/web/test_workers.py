"""Walks through all pages lose nobody and repeat nobody, whichever workers answer them."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import RemoteDisconnected
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
import sqlalchemy as sa

from flask_gluu_changes.journal.writer import WriteBatch
from flask_gluu_changes.testing import person
from tests.support.apps import OPERATION
from tests.support.counted import COUNT
from tests.support.journals import Journal, file_engine
from tests.support.markers import TOKEN_SECRET
from tests.support.nodes import Node, Uwsgi
from tests.support.processes import HOST
from tests.support.relational import Relational

pytestmark = pytest.mark.timeout(180)

PEOPLE, SIZE = 20_000, 200

STABLE = 10_000
"""So many are neither deleted nor renamed, but changed."""

WALKS = 2

APPLICATION = "tests.support.counted:create_app()"

numbers = itertools.count()


class SqlPeople:
    """People in tables; every second one is there all the time."""

    def __init__(self, folder: Path) -> None:
        self.settings = {"FLASK_GLUU_CHANGES_SQL_URL": f"sqlite:///{folder / 'people.db'}"}
        self._people = Relational(sa.create_engine(self.settings["FLASK_GLUU_CHANGES_SQL_URL"]))
        self._people.load((f"{i:05}", person(f"u{i:05}")) for i in range(PEOPLE))
        with self._people.engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")

    def change(self, i: int) -> None:
        """Add somebody in front, delete, rename and touch others."""
        table = self._people.table
        self._people.add(f"new{i}", person(f"a{i}"))
        with self._people.engine.begin() as connection:
            for inum, change in (
                (1 + 4 * i, None),
                (3 + 4 * i, {"uid": f"{'az'[i % 2]}{i}"}),
                (4 * i % PEOPLE, {"displayName": f"changed {i}"}),
            ):
                row = table.c.inum == f"{inum:05}"
                statement = (
                    sa.delete(table).where(row)
                    if change is None
                    else sa.update(table).where(row).values(change)
                )
                connection.execute(statement)

    def close(self) -> None:
        """Close the connections."""
        self._people.close()


class JournalPeople:
    """People in a journal."""

    def __init__(self, folder: Path) -> None:
        self._journal = Journal(file_engine(folder))
        self.settings = {"FLASK_GLUU_CHANGES_JOURNAL_URL": f"sqlite:///{folder / 'journal.db'}"}
        for start in range(0, PEOPLE, 1000):
            self._put(*((f"{i:05}", f"u{i:05}") for i in range(start, start + 1000)))

    def change(self, i: int) -> None:
        """Add somebody in front, delete, rename and touch others."""
        self._put((f"new{i}", f"a{i}"), (f"{3 + 4 * i:05}", f"{'az'[i % 2]}{i}"))
        self._put((f"{4 * i % PEOPLE:05}", f"u{4 * i % PEOPLE:05}"))
        self._journal.remove(f"{1 + 4 * i:05}")

    def _put(self, *people: tuple[str, str]) -> None:
        batch = WriteBatch()
        for inum, uid in people:
            entry = {"inum": [inum], "uid": [uid], "updatedAt": ["20240501120000Z"]}
            batch.put(self._journal.identity(inum, entry))
        self._journal.writer.commit(batch)

    def close(self) -> None:
        """Close the connections."""
        self._journal.backend.close()


@pytest.fixture(scope="module")
def people(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SqlPeople | JournalPeople]:
    """20,000 people, of whom the even ones stay."""
    made: SqlPeople | JournalPeople = request.param(tmp_path_factory.mktemp("people"))
    yield made
    made.close()


@contextmanager
def _changing(change: Callable[[int], None]) -> Iterator[None]:
    """Change people about forty times a second."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(0.025):
            change(next(numbers))

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        try:
            yield
        finally:
            ended.set()
            running.result()


class Job:
    """A client that opens a connection for each page.

    has_cookies: whether it keeps cookies. Else it is told apart by its own User-Agent.
    """

    def __init__(self, port: int, name: str, *, has_cookies: bool) -> None:
        self._url = (
            f"http://{HOST}:{port}{OPERATION}?timeStamp=2020-01-01T00:00:00Z&pagesize={SIZE}"
        )
        handlers = [HTTPCookieProcessor()] if has_cookies else []
        self._opener = build_opener(*handlers)
        self._opener.addheaders = [("User-Agent", "job" if has_cookies else f"job {name}")]
        self.restarted = 0

    def walk(self) -> Counter[str]:
        """Count how often each person comes on all pages."""
        seen: Counter[str] = Counter()
        for start in itertools.count(0, SIZE):
            page = self._page(start)
            seen.update(entry["inum"][0] for entry in page)
            if len(page) < SIZE:
                break
        return seen

    def _page(self, start: int) -> list[dict[str, list[str]]]:
        while True:
            try:
                with self._opener.open(f"{self._url}&start={start}", timeout=60) as answer:
                    self.restarted += "Paging-Session" in answer.headers
                    found: list[dict[str, list[str]]] = json.load(answer)["results"]
                    return found
            except HTTPError as error:
                if "Retry-After" not in error.headers:
                    raise
                time.sleep(float(error.headers["Retry-After"]))
            except (RemoteDisconnected, ConnectionResetError):
                continue  # the worker was replaced


@contextmanager
def _serving(
    settings: dict[str, str], server: type[Node | Uwsgi], workers: int, threads: int
) -> Iterator[int]:
    node = server(settings, *server.kind(workers, threads), application=APPLICATION)
    node.start()
    yield node.port
    node.stop()


@pytest.mark.parametrize(
    ("people", "server", "workers", "threads"),
    [
        (SqlPeople, Node, 1, 1),
        (SqlPeople, Node, 2, 1),
        (SqlPeople, Node, 4, 1),
        (SqlPeople, Node, 1, 4),
        (SqlPeople, Node, 2, 4),
        (SqlPeople, Node, 4, 4),
        (SqlPeople, Uwsgi, 2, 2),
        (JournalPeople, Node, 1, 4),
        (JournalPeople, Node, 4, 1),
    ],
    indirect=["people"],
)
def test_who_is_there_all_the_time_comes_once(
    people: SqlPeople | JournalPeople,
    server: type[Node | Uwsgi],
    workers: int,
    threads: int,
    tmp_path: Path,
) -> None:
    """While others are added, deleted and renamed, workers are replaced and other clients walk."""
    looks = tmp_path / "looks"
    settings = {
        **people.settings,
        COUNT: str(looks),
        "FLASK_GLUU_CHANGES_PAGING_FOLDER": str(tmp_path / "paging"),
        "FLASK_SECRET_KEY": TOKEN_SECRET,
    }
    with (
        _serving(settings, server, workers, threads) as port,
        _changing(people.change),
        ThreadPoolExecutor(3) as pool,
    ):
        jobs = [Job(port, f"{i}", has_cookies=i < 2) for i in range(3)]
        walks = list(pool.map(lambda job: [job.walk() for _ in range(WALKS)], jobs))
    stable = {f"{i:05}" for i in range(0, PEOPLE, 2)}
    for seen in itertools.chain(*walks):
        assert {name: seen[name] for name in stable if seen[name] != 1} == {}
        assert set(seen.values()) == {1}
    assert sum(job.restarted for job in jobs) == 0
    counted = Counter(looks.read_text())
    assert counted["e"] <= len(jobs) * WALKS
    assert (
        counted["b"] <= 2 * len(jobs) * WALKS
    )  # those who ask at one moment go on with one answer
