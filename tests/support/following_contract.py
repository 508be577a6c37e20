"""What every exact following of a directory must make of what happens there, whoever did it."""

from __future__ import annotations

import json

import ldap

from flask_gluu_changes.testing import NOON, person
from tests.support.directory import dn_of
from tests.support.filling import Journal
from tests.support.followed import People, filled


def uid(journal: Journal, inum: str) -> str | None:
    """Give the uid that the journal shows for a person."""
    body = journal.living().get(inum)
    return str(json.loads(body)["uid"][0]) if body else None


def uuid(people: People, inum: str) -> str:
    """Ask the directory for a person's entryUUID."""
    ((_, entry),) = people.admin.search_s(dn_of(inum), ldap.SCOPE_BASE, attrlist=["entryUUID"])
    return str(entry["entryUUID"][0].decode())


class FollowingContract:
    """Subclass it beside the fixtures `journal`, and `two`: the people `1` and `2`, ann and bob.

    mechanism: the word by which the journal says how it follows.
    """

    mechanism: str

    def test_everybody_is_read_once(self, two: People, journal: Journal) -> None:
        """Identities are entryUUIDs, and the journal says how it follows."""
        with filled(journal, two) as filler:
            filler.built()
            found = {inum: row.id for inum, row in journal.rows().items()}
            assert found == {"1": uuid(two, "1"), "2": uuid(two, "2")}
            assert journal.state().level == "exact"
            assert self.mechanism in journal.state().why

    def test_changes_by_ldap_tools_are_seen(self, two: People, journal: Journal) -> None:
        """H11, edits that set no time: an ldapmodify of mail sets no updatedAt."""
        with filled(journal, two) as filler:
            filler.built()
            before = journal.rows()["2"].version
            two.change("2", {"mail": [b"bob@example.org"]})
            filler.until(lambda: b"bob@example.org" in journal.living()["2"])
            assert journal.rows()["2"].version > before

    def test_additions_and_deletions_are_seen(self, two: People, journal: Journal) -> None:
        """H12, deletions that nobody is told of: each leaves a row that says so."""
        with filled(journal, two) as filler:
            filler.built()
            two.add("3", person("cid"))
            two.remove("1")
            filler.until(lambda: journal.rows()["1"].removed == "deleted")
            filler.until(lambda: uid(journal, "3") == "cid")

    def test_a_rename_keeps_the_identity(self, two: People, journal: Journal) -> None:
        """Another name, inum and uid, the same row."""
        with filled(journal, two) as filler:
            filler.built()
            before = journal.rows()["1"].id
            two.admin.rename_s(dn_of("1"), "inum=9")
            two.change("9", {"uid": [b"zoe"]})
            filler.until(lambda: uid(journal, "9") == "zoe")
            assert journal.rows()["9"].id == before
            assert "1" not in journal.rows()

    def test_moved_away_is_out_of_scope(self, two: People, journal: Journal) -> None:
        """An entry that still exists elsewhere is not deleted, and it may come back."""
        with filled(journal, two) as filler:
            filler.built()
            two.move_out("1")
            filler.until(lambda: journal.rows()["1"].removed == "outOfScope")
            gone = journal.rows()["1"].version
            two.move_in("1")
            filler.until(lambda: journal.rows()["1"].removed is None)
            assert journal.rows()["1"].version > gone

    def test_somebody_new_with_the_same_names(self, two: People, journal: Journal) -> None:
        """Deleted and added again, a person is another identity."""
        with filled(journal, two) as filler:
            filler.built()
            before = journal.rows()["1"].id
            two.remove("1")
            two.add("1", person("ann", updated=NOON))
            filler.until(lambda: "1" in journal.living() and journal.rows()["1"].id != before)

    def test_a_write_that_changes_nothing_is_no_change(self, two: People, journal: Journal) -> None:
        """The directory tells it, for it was a write; the journal stands still."""
        with filled(journal, two) as filler:
            filler.built()
            before = journal.rows()["2"]
            two.change("2", {"uid": [b"bob"]})
            two.change("1", {"uid": [b"zoe"]})
            filler.until(lambda: uid(journal, "1") == "zoe")
            assert journal.rows()["2"] == before

    def test_secrets_never_reach_the_journal(self, two: People, journal: Journal) -> None:
        """Not even into its file."""
        two.change("1", {"userPassword": [b"pass-the-salt"], "oxOTPDevices": [b"otp-device"]})
        with filled(journal, two) as filler:
            filler.built()
            two.change("2", {"userPassword": [b"pass-the-salt"], "mail": [b"seen@example.org"]})
            filler.until(lambda: b"seen@example.org" in journal.living()["2"])
        octets = b"".join(file.read_bytes() for file in journal.folder.glob("journal.db*"))
        assert b"seen@example.org" in octets
        assert b"pass-the-salt" not in octets
        assert b"otp-device" not in octets

    def test_what_happened_meanwhile_is_caught_up(self, two: People, journal: Journal) -> None:
        """The second ingester continues at the first one's cookie, in the same epoch."""
        with filled(journal, two) as filler:
            filler.built()
        epoch, before = journal.state().epoch, journal.rows()["2"]
        two.add("3", person("cid"))
        two.change("1", {"uid": [b"zoe"]})
        two.move_out("2")
        with filled(journal, two) as filler:
            filler.until(lambda: journal.rows()["2"].removed == "outOfScope")
            filler.until(lambda: uid(journal, "1") == "zoe" and "3" in journal.living())
        assert journal.state().epoch == epoch
        assert journal.rows()["2"].version > before.version
