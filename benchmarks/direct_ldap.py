"""The rows of the direct LDAP backend, on a slapd that indexes the time attributes and on one
that does not."""

from __future__ import annotations

import multiprocessing
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.backends.ldap.search import since_filter
from flask_gluu_changes.encoder import EntryEncoder
from flask_gluu_changes.model import ChangesQuery
from flask_gluu_changes.settings.base import Settings
from flask_gluu_changes.timestamps import to_instant
from flask_gluu_changes.visibility import Visibility
from tests.support.people import write_people_ldif
from tests.support.slapd import DEFAULT_INDEXES, TIME_INDEXES, Slapd

from .serving import connection, gunicorn, peak, rate, workers
from .table import Row, compare, noted, seconds

OPERATION = "/identity/restv1/scim/UpdatedUsers"
START = datetime(2020, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=60)
PAGE = 200
FEW = 1000
WALKS = 32
ROUNDS = 5


def rows(people: int, folder: Path) -> Iterator[Row]:
    """Measure everything on both servers."""
    ldif = folder / "people.ldif"
    with noted(f"writing {people} people"):
        write_people_ldif(ldif, people, start=START, step=STEP)
    for kind, indexes in (("unindexed", DEFAULT_INDEXES), ("indexed", TIME_INDEXES)):
        server = Slapd(folder / kind, indexes=indexes)
        with noted(f"loading the {kind} slapd"):
            server.load(ldif)
        with server:
            yield from _rows_of(server, kind, people)
            if kind == "indexed":
                yield _many_walks(server, people, folder / "walks")


def _rows_of(server: Slapd, kind: str, people: int) -> Iterator[Row]:
    yield _streamed(server, kind)
    environment = {f"FLASK_{key}": value for key, value in config(server).items()}
    with gunicorn("benchmarks.app:create_app()", environment) as port:
        yield _paged(server, kind, port, people)
        yield _far_page(kind, port, people)
        yield _few(server, kind, port, people)
        if kind == "indexed":
            yield _nothing(kind, port, people)


def config(server: Slapd) -> dict[str, str]:
    return {
        "GLUU_CHANGES_LDAP_URI": server.uri,
        "GLUU_CHANGES_LDAP_BIND_DN": server.admin_dn,
        "GLUU_CHANGES_LDAP_BIND_PASSWORD": server.admin_password,
    }


def ldapsearch(server: Slapd, filter_: str) -> None:
    """Let the peer read every user attribute and throw its output away."""
    command = ["ldapsearch", "-x", "-LLL", "-H", server.uri, "-b", server.base_dn]
    command += ["-D", server.admin_dn, "-w", server.admin_password, filter_]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def _everybody(server: Slapd) -> None:
    ldapsearch(server, "(objectClass=gluuPerson)")


def _streamed(server: Slapd, kind: str) -> Row:
    job = partial(in_a_process, stream_everything, config(server))
    ours, peer = [], []
    for _ in range(ROUNDS):
        taken, early, late = job()
        ours.append(taken)
        peer.append(seconds(partial(_everybody, server)))
    memory = f"memory {early:.0f} MiB after 1000 entries, {late:.0f} MiB at the end"
    name = f"everything streamed, typed and encoded in process, {kind}; {memory}"
    return Row(name, median(ours), "ldapsearch", median(peer), "s", at_most=4.5)


def in_a_process(work, *arguments):  # type: ignore[no-untyped-def]
    """Run a function in a new process, whose memory nothing else has touched."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def stream_everything(settings: dict[str, str]) -> tuple[float, float, float]:
    """Stream, type and encode all; give seconds, and MiB at their peak, early and at the end."""
    configured = Settings.load(settings)
    visibility = Visibility.of((), configured.denied_attributes)
    query = ChangesQuery(START, excluded=visibility.hidden)
    backend = LdapBackend.from_config(settings)
    encoder = EntryEncoder(
        query, lambda n: backend.attribute_type(n) or configured.type_of(n), visibility
    )
    early = 0.0

    def work() -> None:
        nonlocal early
        for count, _ in enumerate(map(encoder.encode, backend.changes(query))):
            if count == 1000:
                early = peak()

    return seconds(work), early, peak()


def page_path(since: datetime, start: int, size: int) -> str:
    query = {"timeStamp": to_instant(since), "start": start, "pagesize": size}
    return f"{OPERATION}?{urlencode(query)}"


def _paged(server: Slapd, kind: str, port: int, people: int) -> Row:
    def everything() -> None:
        with connection(port) as client:
            bodies = [client.get(page_path(START, i, PAGE)) for i in range(0, people, PAGE)]
        assert all(body.startswith(b'{"total":%d,' % PAGE) for body in bodies)

    ours, peer = compare(everything, partial(_everybody, server), 3)
    name = f"everything over HTTP in pages of {PAGE}, {kind}"
    return Row(name, ours, "ldapsearch", peer, "s", at_most=12)


def _far_page(kind: str, port: int, people: int) -> Row:
    """Compare pages of one walk, near its start and near its end."""
    near, far = PAGE, people * 9 // 10
    with connection(port) as client:
        client.get(page_path(START, 0, PAGE))
        ours, peer = compare(
            lambda: client.get(page_path(START, far, PAGE)),
            lambda: client.get(page_path(START, near, PAGE)),
            300,
        )
    name = f"a page at start={far:,}, {kind}"
    return Row(name, ours * 1e3, f"at start={near}", peer * 1e3, "ms", at_most=1.2)


def _many_walks(server: Slapd, people: int, folder: Path) -> Row:
    """Begin as many walks as a client may have, each with an answer of its own."""
    environment = {
        **{f"FLASK_{key}": value for key, value in config(server).items()},
        "FLASK_GLUU_CHANGES_PAGING_FOLDER": str(folder),
        "FLASK_GLUU_CHANGES_MAX_PAGING_OCTETS": f"{10**11}",
    }
    with gunicorn("benchmarks.app:create_app()", environment) as port, connection(port) as client:
        peaks = []
        for number in range(WALKS):
            for start in (0, PAGE):
                client.get(page_path(START + STEP * number, start, PAGE))
            peaks.append(max(map(peak, workers())))
        disk = sum(path.stat().st_size for path in folder.rglob("*.snapshot")) / 2**20
    name = f"memory of a worker, {WALKS} walks of {people:,} people; on disk {disk:,.0f} MiB"
    return Row(name, peaks[-1], "one walk", peaks[0], "MiB", at_most=1.2)


def _few(server: Slapd, kind: str, port: int, people: int) -> Row:
    """The last 1000 changes, in one page; the first request of a time looks without the index."""
    since = START + STEP * (people - FEW)
    query = ChangesQuery(since)
    filter_ = since_filter(query, "gluuPerson", indexed=True)
    with connection(port) as client:
        ours, peer = compare(
            lambda: client.get(page_path(since, 0, FEW)), partial(ldapsearch, server, filter_), 30
        )
    name = f"{FEW} changes over HTTP in one page, {kind}"
    return Row(name, ours * 1e3, "ldapsearch", peer * 1e3, "ms", at_most=2)


def _nothing(kind: str, port: int, people: int) -> Row:
    """A poll that finds nothing, against a route that does nothing, in turns."""
    path = page_path(START + STEP * (people + 1), 0, PAGE)
    pairs = [(rate(port, path, 1.0), rate(port, "/tiny", 1.0)) for _ in range(ROUNDS)]
    ours, peer = (median(column) for column in zip(*pairs, strict=True))
    name = f"nothing changed, over HTTP, {kind}"
    return Row(name, ours, "a tiny Flask route", peer, "requests/s", at_least=0.45)
