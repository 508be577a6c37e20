"""Settings that hide more hide it of everybody, also of who is not told anew in the new epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flask_gluu_changes.follower import SnapshotProgress
from flask_gluu_changes.journal import untold
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.ingest.service import run_ingest
from flask_gluu_changes.testing import NOON, person
from tests.support.journal_site import Site
from tests.support.memory_people import MemoryPeople
from tests.support.stopping import Stop

NUMBER = 30
SECRET = "ofsomebody"


class Odd:
    """A value that nobody can write."""

    def __str__(self) -> str:
        raise RuntimeError("odd")

    __repr__ = __str__


class World:
    """People whose mail clients may see at first, and a journal of them."""

    def __init__(self, folder: Path) -> None:
        self._url = f"sqlite:///{folder}/journal.db"
        self.people = MemoryPeople()
        for number in range(NUMBER):
            mail = {"mail": [SECRET.encode()], "employeeNumber": [SECRET.encode()]}
            self.people.add(f"{number}", {**person(f"u{number}", updated=NOON), **mail})
        self.follow()

    def follow(self, **settings: object) -> None:
        """Fill the journal under some settings."""
        config = {"JOURNAL_URL": self._url, "FOLLOW_INTERVAL": 0.01, "FOLLOW_SWEEP": 0.01}
        config = {f"GLUU_CHANGES_{n}": v for n, v in {**config, **settings}.items()}
        run_ingest(config, self.people.backend, Stop(6), SnapshotProgress())

    def served(self, **settings: Any) -> tuple[list[dict[str, Any]], str]:
        """Return who is served under the same settings, and the text of both forms."""
        self.backend = JournalBackend(self._url, source=self.people.backend)
        site = Site(self, **settings)
        answers = (
            site.get(cursor="", count=100),
            site.get(timeStamp="2000-01-01T00:00:00Z", start=0, pagesize=100),
        )
        assert [answer.status_code for answer in answers] == [200, 200]
        self.backend.close()
        return answers[0].get_json()["results"], "".join(answer.text for answer in answers)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A journal of thirty people, who are looked at a few at a time."""
    monkeypatch.setattr(untold, "ROWS", 7)
    return World(tmp_path)


@pytest.mark.parametrize(
    "settings",
    [
        {"DENIED_ATTRIBUTES": "mail,employeeNumber"},
        {"ALLOWED_ATTRIBUTES": "inum,uid,updatedAt"},
        {"DENIED_ATTRIBUTES": "mail,employeeNumber,uid"},
    ],
    ids=["denied", "not allowed", "uid as well"],
)
def test_of_whom_the_removal_is_held_back(world: World, settings: dict[str, Any]) -> None:
    """They stay, with what may be seen of them by now."""
    for number in range(20):
        world.people.remove(f"{number}")
    world.follow()
    results, text = world.served()
    assert (len(results), text.count(SECRET)) == (NUMBER, 4 * NUMBER)
    world.follow(**settings)
    results, text = world.served(**settings)
    assert (len(results), text.count(SECRET)) == (NUMBER, 0)
    assert ("uid" in results[0]) == ("uid" not in str(settings.get("DENIED_ATTRIBUTES", "")))
    assert all(one["inum"] == [one["@id"]] for one in results)
    for number in range(20):  # a removal tells no more
        world.people.add(f"{number}", person(f"u{number}", updated=NOON))
    world.follow(**settings)
    assert len(world.served(**settings)[0]) == NUMBER


def test_who_is_set_aside(world: World) -> None:
    """What was known stays, without what is hidden."""
    odd: Any = {"description": [Odd()]}
    world.people.change("1", odd)
    settings = {"DENIED_ATTRIBUTES": "mail,employeeNumber"}
    world.follow(**settings)
    results, text = world.served(**settings)
    assert world.backend.status().quarantined == 1
    assert (len(results), text.count(SECRET)) == (NUMBER, 0)


def test_more_are_shown_only_when_they_are_told(world: World) -> None:
    """The journal has no more of who is not told anew."""
    hidden = {"DENIED_ATTRIBUTES": "mail,employeeNumber"}
    world.follow(**hidden)
    for number in range(20):
        world.people.remove(f"{number}")
    world.follow(**hidden)
    world.follow()
    results, text = world.served()
    assert (len(results), text.count(SECRET)) == (NUMBER, 4 * (NUMBER - 20))
