"""A walk through all pages loses nobody and repeats nobody, whatever happens meanwhile."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flask_gluu_changes.testing import NOON, person
from tests.support.directory import Directory, client_of
from tests.support.paths import ROOT
from tests.support.slapd import DEFAULT_INDEXES, TIME_INDEXES, Slapd

from .churn import STABLE
from .test_updated_users import iso, walk


@contextmanager
def churning(server: Slapd) -> Iterator[list[int]]:
    """Change the directory from another process; its rounds are known at the end."""
    rounds: list[int] = []
    with subprocess.Popen(
        [sys.executable, "-m", "tests.integration.ldap.churn", server.uri],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "started\n"
        yield rounds
        output, _ = process.communicate()
        rounds.append(int(output))


def inums(people: list[dict[str, Any]]) -> Counter[str]:
    """Count how often each person came."""
    return Counter(entry["inum"][0] for entry in people)


@pytest.mark.parametrize("indexes", [DEFAULT_INDEXES, TIME_INDEXES], ids=["unindexed", "indexed"])
def test_who_was_there_all_the_time_comes_once(tmp_path: Path, indexes: tuple[str, ...]) -> None:
    """While another process adds, deletes and renames, everybody else is listed exactly once."""
    with Slapd(tmp_path / "slapd", indexes=indexes) as server:
        directory = Directory(server)
        for i in range(STABLE):
            directory.add(str(i), person(f"m{i}"))
        client = client_of(directory.backend)
        with churning(server) as rounds:
            walks = [inums(walk(client, iso(NOON), size)) for size in (1, 7, 50, 7)]
    assert rounds[0] > 0
    for seen in walks:
        assert {seen[str(i)] for i in range(STABLE)} == {1}
        assert set(seen.values()) == {1}
    assert len(set(map(frozenset, walks))) > 1
