"""The hazards of following by time stamps, by their numbers in the design, told by token instead.

Each asks with pages of one, so that everything that can happen between pages happens. H13 and H14
do not exist; H11 and H15 are the ingester's, here a change that sets no time.
"""

from __future__ import annotations

import pytest

from flask_gluu_changes.client import ChangesUnavailable
from flask_gluu_changes.journal.writer import OUT_OF_SCOPE, WriteBatch
from tests.support.journal_site import Site
from tests.support.journals import Journal
from tests.support.replicas import RecipeReplica, TokenReplica, http_of

EARLY, LATE = "20240101000002Z", "20240101000009Z"


@pytest.fixture
def replica(site: Site) -> TokenReplica:
    """A replica that asks with pages of one."""
    return TokenReplica(http_of(site.app), 1)


def _names(replica: TokenReplica | RecipeReplica) -> set[str]:
    return set(replica.people)


def test_h1_total_is_of_a_page(journal: Journal, site: Site, replica: TokenReplica) -> None:
    """The end of a run is said by its delta token, not by counting; the recipe loses 2."""
    journal.put("1", updatedAt=LATE)
    journal.put("2", updatedAt=EARLY)
    page = site.page(cursor="", count=1)
    assert (page["total"], "nextDeltaToken" in page) == (1, False)
    replica.drain()
    assert _names(replica) == {"1", "2"}


def test_h2_a_crash_after_the_first_page(journal: Journal, replica: TokenReplica) -> None:
    """No token was saved, so everything comes again."""
    journal.put("1", updatedAt=LATE)
    journal.put("2", updatedAt=EARLY)
    replica.poll()
    replica.crash()
    assert replica.store.token == ""
    replica.drain()
    assert _names(replica) == {"1", "2"}


def test_h3_somebody_is_added_behind_the_page(journal: Journal, replica: TokenReplica) -> None:
    """And somebody else is updated meanwhile."""
    journal.put("1")
    journal.put("2")
    replica.poll()
    journal.put("3")
    journal.put("2", mail="new")
    replica.drain()
    assert _names(replica) == {"1", "2", "3"}
    assert replica.people["2"]["mail"] == ["new"]


def test_h4_a_deletion_shifts_no_page(journal: Journal, replica: TokenReplica) -> None:
    """Pages are cut by place and not by offset."""
    journal.put(*"abcd")
    replica.poll()
    replica.poll()
    journal.remove("a")
    replica.drain()
    assert _names(replica) == {"b", "c", "d"}


def test_h5_a_rename_shifts_no_page(journal: Journal, replica: TokenReplica) -> None:
    """Nor is the renamed person lost."""
    journal.put(*"abz")
    replica.poll()
    batch = WriteBatch()
    batch.put(journal.identity("z", {"inum": ["z"], "uid": ["a0"]}))
    journal.writer.commit(batch)
    replica.drain()
    assert replica.people["z"]["uid"] == ["a0"]
    assert _names(replica) == {"a", "b", "z"}


def test_h6_who_was_only_created_moves_the_client_on(
    journal: Journal, replica: TokenReplica
) -> None:
    """Without any time at all, and is told once."""
    journal.put("5", oxCreationTimestamp=EARLY)
    journal.put("6")
    replica.drain()
    assert _names(replica) == {"5", "6"}
    assert replica.poll() is False


def test_h7_many_at_the_same_time(journal: Journal, replica: TokenReplica) -> None:
    """More of them than a page holds."""
    journal.put(*"1234567", updatedAt=LATE)
    replica.drain()
    assert _names(replica) == set("1234567")


def test_h8_a_commit_that_is_late(journal: Journal, site: Site, replica: TokenReplica) -> None:
    """It has an earlier time than what was read; the recipe loses it."""
    recipe = RecipeReplica(http_of(site.app), 1)
    journal.put("1", updatedAt=LATE)
    replica.drain()
    recipe.poll()
    recipe.poll()
    journal.put("2", updatedAt=EARLY)
    replica.drain()
    recipe.poll()
    assert _names(replica) == {"1", "2"}
    assert _names(recipe) == {"1"}


def test_h9_a_clock_that_is_ahead(journal: Journal, replica: TokenReplica) -> None:
    """An hour in the future hides nothing."""
    journal.put("1", updatedAt="20990101000000Z")
    replica.drain()
    journal.put("2", updatedAt=EARLY)
    replica.drain()
    assert _names(replica) == {"1", "2"}


def test_h10_clocks_of_other_precision(journal: Journal, replica: TokenReplica) -> None:
    """Whole seconds behind milliseconds."""
    journal.put("1", updatedAt="20240101000000.500Z")
    replica.drain()
    journal.put("2", updatedAt="20240101000000Z")
    replica.drain()
    assert _names(replica) == {"1", "2"}


@pytest.mark.parametrize("attribute", ["mail", "memberOf"])
def test_h11_and_h15_a_change_that_sets_no_time(
    journal: Journal, replica: TokenReplica, attribute: str
) -> None:
    """Such as by ldapmodify, or of a group that somebody joined."""
    journal.put("1", updatedAt=LATE)
    replica.drain()
    journal.put("1", updatedAt=LATE, **{attribute: "new"})
    replica.drain()
    assert replica.people["1"][attribute] == ["new"]


def test_h12_deletions_and_moves_are_told(journal: Journal, replica: TokenReplica) -> None:
    """With their reasons; and who comes back is there again."""
    journal.put(*"123")
    replica.drain()
    journal.remove("1")
    journal.remove("2", reason=OUT_OF_SCOPE)
    replica.drain()
    assert _names(replica) == {"3"}
    journal.put("1")
    replica.drain()
    assert _names(replica) == {"1", "3"}


def test_a_uid_that_is_used_again_is_another_person(
    journal: Journal, replica: TokenReplica
) -> None:
    """The key is the identity; the removal of the former one harms nobody."""
    journal.put("1")
    replica.drain()
    batch = WriteBatch()
    batch.remove("1", OUT_OF_SCOPE)
    batch.put(journal.identity("9", {"inum": ["9"], "uid": ["1"]}))
    journal.writer.commit(batch)
    replica.drain()
    assert _names(replica) == {"9"}


def test_who_changes_while_everybody_is_read_is_not_taken_for_gone(
    journal: Journal, site: Site, replica: TokenReplica
) -> None:
    """A full reading is complete only with a run that was read at once."""
    journal.put("1", "2")
    replica.drain()
    journal.writer.begin_epoch()
    assert replica.poll() is False
    journal.writer.commit(WriteBatch(built=True))
    replica.poll()
    journal.put("2", mail="new")
    replica.poll()
    assert _names(replica) == {"1", "2"}
    replica.drain()
    assert _names(replica) == {"1", "2"}


def test_an_epoch_that_is_not_built_is_waited_for(journal: Journal, site: Site) -> None:
    """The client says so to its caller."""
    journal.writer.begin_epoch()
    replica = TokenReplica(http_of(site.app), 1)
    with pytest.raises(ChangesUnavailable, match="503"):
        list(replica._client.drain())
