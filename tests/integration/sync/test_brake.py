"""Too many removals are held back, whatever they come from, until an operator has looked."""

from __future__ import annotations

import json

import pytest

from tests.support.sync_command import Synced

pytestmark = pytest.mark.timeout(60)

NAMES = [f"{number:03}" for number in range(100)]


@pytest.mark.parametrize("way", ["delta", "full"])
def test_the_brake_holds_beyond_a_share(synced: Synced, way: str) -> None:
    """0, 1, 19 and 20 of 100 may go; with 21 nothing happens, and the list is kept."""
    words = ["--full"] if way == "full" else []
    synced.journal.put(*NAMES)
    assert synced.pull().code == 0
    for number in (0, 1, 19, 20):
        synced.journal.remove(*NAMES[:number])
        assert synced.pull(*words, "--dry-run").code == 0
    synced.journal.remove(*NAMES[:21])
    synced.journal.put("new")
    held = synced.pull(*words)
    assert held.code == 3
    assert "21 of 100 people would be removed" in held.err
    assert [*synced.people()] == NAMES
    told = json.loads(synced.command("status", "--json").out)["own"]
    assert [one["id"] for one in told["held"]] == NAMES[:21]
    assert synced.pull(*words, "--allow-removals", 20).code == 3
    assert synced.pull(*words, "--allow-removals", 21).code == 0
    assert [*synced.people()] == [*NAMES[21:], "new"]
    assert json.loads(synced.command("status", "--json").out)["own"]["held"] == []


def test_a_limit_can_be_a_number(synced: Synced) -> None:
    """And 0 means none."""
    synced.journal.put(*NAMES)
    synced.pull()
    synced.journal.remove("000")
    assert synced.pull("--max-removals", "0").code == 3
    assert synced.pull("--max-removals", "1").code == 0


def test_few_of_few_may_go(synced: Synced) -> None:
    """A share of a small number is no reason to stop."""
    synced.journal.put(*NAMES[:12])
    synced.pull()
    synced.journal.remove(*NAMES[:10])
    assert synced.pull().code == 0
    assert len(synced.people()) == 2


@pytest.mark.parametrize("limit", ["20%", "100%", "1000"])
def test_an_emptied_source_always_brakes(synced: Synced, limit: str) -> None:
    """Also where there were few, and whatever the limit is."""
    synced.journal.put("a", "b")
    synced.pull()
    synced.journal.remove("a", "b")
    assert synced.pull("--full", "--max-removals", limit).code == 3
    assert [*synced.people()] == ["a", "b"]
    assert synced.pull("--full", "--allow-removals", 2).code == 0
    assert synced.people() == {}


def test_whoever_has_another_id_is_not_gone(synced: Synced) -> None:
    """A journal that was built anew tells everybody under another id."""
    synced.journal.put(*NAMES[:30], mail="same")
    synced.pull()
    rows = synced.rows("SELECT count(*) FROM people")
    synced.rename_ids()
    assert synced.pull("--full").code == 0
    assert synced.rows("SELECT count(*) FROM people") == rows


@pytest.mark.parametrize(
    ("removals", "left"),
    [("delete", []), ("disable", [("a", 0)]), ("keep", [("a", 1)])],
)
def test_what_a_removal_does(synced: Synced, removals: str, left: list[tuple[str, int]]) -> None:
    """The row goes, or is marked, or stays as it is; and whoever returns is active."""
    rows = "SELECT id, active FROM people WHERE id = 'a'"
    synced.journal.put("a", "b")
    synced.pull("--removals", removals)
    synced.journal.remove("a")
    synced.pull("--removals", removals)
    assert synced.rows(rows) == left
    assert synced.command("verify", "--removals", removals).code == 0
    synced.journal.put("a")
    synced.pull("--removals", removals)
    assert synced.rows(rows) == [("a", 1)]
