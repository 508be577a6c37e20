"""The hazards of following a directory by time stamps, and that a token has none of them.

The recipe of the reference is to remember the highest time that was returned and to start there
the next time. This is how it loses people; `1 b@9` is the entry with the id 1 and the uid b,
updated at 9, T the time that is asked for, n the size of a page.

H1: `total` is taken for that of all pages.
    1 a@9, 2 b@2; T=0, n=1: total 1, latest 9, so the client stops; from T=9 on 2 is lost.
H2: A crash after the first page, whose latest time was saved.
    As in H1: 2 is lost.
H3: An insertion behind the offset.
    1 b@1, 2 c@2; n=1; page 0; add 3 a@3, update 2 @4; the rest: latest 4, 3 is lost.
H4: A deletion shifts the pages.
    a@1, b@2, c@3, d@5; n=2; page 0; delete a; start=2 gives d: c is lost.
H5: A uid is renamed between two pages.
    a, b, z; n=2; page 0; z becomes a0@4; start=2 gives b: a0 is not seen.
H6: Somebody was created and never updated.
    1 created@5: there is no latest update, the client stands still.
H7: More people at one time than a page holds.
    Three @7; n=2: with `>=` the same page for ever, with `>` the third is lost.
H8: A commit that is late, or a replica that lags.
    1@6 is read, then 2@5 becomes visible: 2 is lost.
H9: The clock of a writer is ahead.
    1@now+1h: the changes of an hour are lost.
H10: Times of mixed precision.
    T=10:00:00.500; a writer of whole seconds stamps 10:00:00 at .900: it is lost.
H11: Edits that set no time.
    ldapmodify of mail: never returned.
H12: Deletions, and moves out of the base.
    Never returned.
H15: Memberships of groups.
    OpenLDAP's overlay memberof changes a person and sets no time: never returned.

There is no H13 and no H14. Each test asks with pages of one, so that everything that can happen
between pages happens. H11 and H15 are for the ingester to see, which tests/integration/ingest
shows on a directory; here a change without a time stands for them.
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
