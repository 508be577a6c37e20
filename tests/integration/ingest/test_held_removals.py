"""A source that only seems to be empty costs nobody anything, and one command lets people go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ldap
import pytest
from click.testing import Result
from flask import Flask

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.testing import person
from tests.support.directory import config_of
from tests.support.filling import SLAPD, Filler, Journal
from tests.support.followed import People, filled
from tests.support.markers import TOKEN_SECRET
from tests.support.memory_people import MemoryPeople
from tests.support.people import PEOPLE_DN
from tests.support.slapd import Slapd

NUMBER = 20
OPEN = "to * by * read"
HIDING = f'to dn.children="{PEOPLE_DN}" by * none'
CONFIG = f"access {OPEN}\ndatabase config\nrootdn cn=config\nrootpw of-tests\n"


@pytest.fixture
def many(tmp_path: Path) -> Iterator[People]:
    """A directory with twenty people, whose access rules can be changed while it runs."""
    with Slapd(tmp_path / "slapd", extra=f"{SLAPD}{CONFIG}") as server:
        people = People(server)
        for i in range(NUMBER):
            people.add(str(i), person(f"u{i}"))
        yield people


def run(journal: Journal, command: str) -> Result:
    """Run a command on a journal, as another process would: over connections of its own."""
    app = Flask("host")
    keys = {"PROTECTION": "bypass", "JOURNAL_URL": journal.url, "ALLOW_BYPASS": True}
    app.config.update(TESTING=True, SECRET_KEY=TOKEN_SECRET)
    app.config.update({f"GLUU_CHANGES_{name}": key for name, key in keys.items()})
    backend = JournalBackend.from_config(app.config, source=MemoryBackend())
    GluuChanges(app, backend=backend)
    result = app.test_cli_runner().invoke(args=["gluu-changes", command])
    backend.close()
    return result


def set_access(people: People, *rules: str) -> None:
    """Change the rules of a slapd that runs; nobody is told of it."""
    config = people.server.connect("cn=config", "of-tests")
    values = [f"{{{i}}}{rule}".encode() for i, rule in enumerate(rules)]
    config.modify_s("olcDatabase={1}mdb,cn=config", [(ldap.MOD_REPLACE, "olcAccess", values)])
    config.unbind_s()


def test_a_rule_that_hides_everybody(many: People, journal: Journal) -> None:
    """Nobody is told as deleted; who is seen again is no longer held back."""
    many.backend = type(many.backend).from_config(fast_config(many))
    with filled(journal, many) as filler:
        filler.built()
        head = journal.state().head
        set_access(many, HIDING, OPEN)
        filler.until(lambda: journal.held() == NUMBER)
        set_access(many, OPEN)
        filler.until(lambda: journal.held() == 0)
        assert (len(journal.living()), journal.state().head) == (NUMBER, head)


def fast_config(people: People) -> dict[str, object]:
    """Have everybody compared ten times a second."""
    return config_of(people.server, LDAP_COMPARE_INTERVAL=0.1)


def test_a_replica_without_people(many: People, journal: Journal) -> None:
    """It was restored from a dump without them, and later from one with them."""
    with filled(journal, many) as filler:
        filler.built()
    server = many.server
    assert isinstance(server, Slapd)
    server.stop()
    full = server.dump()
    entries = full.split("\n\n")
    server.restore("\n\n".join(e for e in entries if not re.match("dn: inum=.*,ou=people", e)))
    server.start()
    with filled(journal, many) as filler:
        filler.until(lambda: journal.held() == NUMBER)
    with filled(journal, many) as filler:
        filler.until(lambda: journal.state().holder != "")
        assert len(journal.living()) == NUMBER
    server.stop()
    server.restore(full)
    server.start()
    with filled(journal, many) as filler:
        filler.until(lambda: journal.held() == 0)
    assert len(journal.living()) == NUMBER


def test_a_flood_of_deletions(many: People, journal: Journal) -> None:
    """Ten go at most, the others wait for the command; everything else goes on."""
    with filled(journal, many) as filler:
        filler.built()
        for i in range(NUMBER):
            many.remove(str(i))
        many.add("99", person("new"))
        filler.until(lambda: "99" in journal.living() and journal.held() >= 10)
        filler.until(lambda: len(journal.living()) == journal.held() + 1)
        assert run(journal, "confirm-removals").exit_code == 0
        filler.until(lambda: journal.living().keys() == {"99"})
        assert journal.held() == 0


def test_one_command_while_it_runs(anywhere: Journal) -> None:
    """It says how many they are, as the doctor and the status do; a takeover changes nothing."""
    people = MemoryPeople()
    for i in range(NUMBER):
        people.add(str(i), person(f"u{i}"))
    timing: dict[str, Any] = {"FOLLOW_INTERVAL": 0.02, "FOLLOW_SWEEP": 0.05}
    with Filler(anywhere, people.backend, **timing) as filler:
        filler.built()
        assert "no removal is held back" in run(anywhere, "confirm-removals").output
        for i in range(NUMBER):
            people.remove(str(i))
        filler.until(lambda: anywhere.held() == NUMBER)
        confirmed_at = anywhere.state().confirmed_at
    with Filler(anywhere, people.backend, **timing) as filler:
        filler.until(lambda: anywhere.state().holder != "")
        assert f"whose removal is held back: {NUMBER}" in run(anywhere, "doctor").output
        assert (len(anywhere.living()), anywhere.held()) == (NUMBER, NUMBER)
        assert anywhere.state().confirmed_at == confirmed_at
        result = run(anywhere, "confirm-removals")
        assert (result.exit_code, f"confirmed: {NUMBER};" in result.output) == (0, True)
        filler.until(lambda: (len(anywhere.living()), anywhere.held()) == (0, 0))
        filler.until(lambda: anywhere.state().confirmed_at > confirmed_at)
