"""python -m benchmarks.sizing 10000 100000: what a person costs, and how that grows.

Each number of people gets an slapd, a journal in SQLite that `follow` fills from it, and a server
of two workers with four threads each.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from tests.support.filling import SLAPD
from tests.support.people import write_people_ldif
from tests.support.slapd import TIME_INDEXES, Slapd

from .direct_ldap import PAGE, START, STEP, config, page_path
from .floors import ldapsearch
from .journal import all_lines, await_journal, follower, now_path
from .serving import connection, gunicorn, peak, rate, workers
from .table import noted, seconds

WARM_UP = 0.1
"""Seconds; each connection asks at least once."""

HEADER = "| people | what | in all | a person |\n|---|---|---|---|"


def main() -> None:
    print(HEADER, flush=True)
    for people in map(int, sys.argv[1:] or ["10000", "100000"]):
        with tempfile.TemporaryDirectory(prefix="gluu-changes-sizing-") as folder:
            for what, figure, unit in _measured(people, Path(folder)):
                each = f"{figure / people * 1e6:.3g} µ{unit}" if unit == "s" else ""
                each = f"{figure * 2**20 / people:,.0f} octets" if unit == "MiB" else each
                print(f"| {people:,} | {what} | {figure:,.4g} {unit} | {each} |", flush=True)


def _measured(people: int, folder: Path) -> Iterator[tuple[str, float, str]]:
    ldif = folder / "people.ldif"
    write_people_ldif(ldif, people, start=START, step=STEP)
    server = Slapd(folder / "slapd", indexes=TIME_INDEXES, extra=SLAPD)
    with noted(f"loading {people} people"):
        server.load(ldif)
    yield "the directory on disk", _size(server.folder, "*.mdb"), "MiB"
    with server:
        search = partial(ldapsearch, server)
        yield "ldapsearch reads everybody", median(seconds(search) for _ in range(3)), "s"
        yield from _by_time(server, people, folder)
        yield from _by_token(server, people, folder)


def _by_time(server: Slapd, people: int, folder: Path) -> Iterator[tuple[str, float, str]]:
    """Measure a walk of the timeStamp form over the directory, and polls that find nobody."""
    keys = {**config(server), "GLUU_CHANGES_PAGING_FOLDER": f"{folder / 'paging'}"}
    environment = {f"FLASK_{key}": value for key, value in keys.items()}
    nobody = page_path(START + STEP * (people + 1), 0, PAGE)
    with gunicorn("benchmarks.app:create_app()", environment) as port:
        began = time.perf_counter()
        with connection(port) as client:
            client.get(page_path(START, 0, PAGE))
            yield "timeStamp form: the first page", time.perf_counter() - began, "s"
            for start in range(PAGE, people, PAGE):
                client.get(page_path(START, start, PAGE))
        yield "timeStamp form: all pages of 200", time.perf_counter() - began, "s"
        yield "its file on disk", _size(folder / "paging", "*.snapshot"), "MiB"
        yield "the larger web worker", max(map(peak, workers())), "MiB of memory"
        rate(port, nobody, WARM_UP)  # the first search for a time looks at everybody
        yield "timeStamp form: polls without a change", rate(port, nobody, 3.0), "a second"


def _by_token(server: Slapd, people: int, folder: Path) -> Iterator[tuple[str, float, str]]:
    """Measure how a journal is filled, and a stream and polls out of it."""
    url = f"sqlite:///{folder}/journal.db"
    keys = {**config(server), "GLUU_CHANGES_JOURNAL_URL": url, "SECRET_KEY": "signs its tokens"}
    environment = {f"FLASK_{key}": value for key, value in keys.items()}
    with follower(environment) as process:
        began = await_journal(url, lambda state: state.holder)
        yield "follow: the first reading", await_journal(url, lambda s: s.built) - began, "s"
        yield "follow", peak(process), "MiB of memory"
        yield "the journal on disk", _size(folder, "journal.db*"), "MiB"
        with gunicorn("benchmarks.app:create_app()", environment) as port:
            yield "token form: all as NDJSON", seconds(partial(all_lines, port, people)), "s"
            yield "token form: polls without a change", rate(port, now_path(port), 3.0), "a second"
            yield "the larger web worker", max(map(peak, workers())), "MiB of memory"


def _size(folder: Path, pattern: str) -> float:
    """Return what files take on disk, in MiB; slapd's are sparse."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob(pattern)) / 2**20


if __name__ == "__main__":
    main()
