"""What the parts can do by themselves: python-ldap without us, and each job in a fresh process."""

from __future__ import annotations

import multiprocessing
import subprocess
from collections.abc import Callable
from functools import partial
from typing import Any

import ldap
import orjson

from tests.support.slapd import Slapd

from .table import seconds

to_json = partial(orjson.dumps, default=bytes.decode, option=orjson.OPT_SORT_KEYS)
"""Does the least that makes JSON of an entry, without types and checks."""

EVERYBODY = "(objectClass=gluuPerson)"

BARE_ROUTE = "/bare?deltaToken=" + 120 * "x"
BARE = "flask-smorest and the driver alone"
"""What `add_bare_route` answers, and how a table calls it."""

BARE_PAGES = "flask-smorest and SQLite alone"
"""How a table calls pages of lines that SQLite joins, as `add_bare_route` serves them."""

BARE_JOURNAL = "python-ldap, orjson and SQLite alone"
"""How a table calls a journal that is filled without us."""


def ldapsearch(server: Slapd, filter_: str = EVERYBODY) -> None:
    """Let the program read every user attribute and throw its output away."""
    command = ["ldapsearch", "-x", "-LLL", "-H", server.uri, "-b", server.base_dn]
    command += ["-D", server.admin_dn, "-w", server.admin_password, filter_]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def python_ldap(server: Slapd, work: Callable[[Any], None] | None = None) -> Callable[[], float]:
    """Return what measures python-ldap alone, which reads everybody and throws them away.

    work: is done with the entries of each message first.
    """
    arguments = (server.uri, server.admin_dn, server.admin_password, server.base_dn, work)
    return partial(in_a_process, _read_everybody, *arguments)


def in_a_process(work: Callable[..., Any], *arguments: Any) -> Any:
    """Run a function in a new process, whose memory nothing else has touched."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def _read_everybody(
    uri: str, name: str, password: str, base: str, work: Callable[[Any], None] | None
) -> float:
    connection = ldap.initialize(uri)
    connection.simple_bind_s(name, password)

    def read() -> None:
        message = connection.search_ext(base, ldap.SCOPE_SUBTREE, EVERYBODY)
        kind = None
        while kind != ldap.RES_SEARCH_RESULT:
            kind, entries, *_ = connection.result3(message, all=0)
            if work:
                work(entries)

    return seconds(read)
