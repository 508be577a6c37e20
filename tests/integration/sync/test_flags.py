"""Each flag of `gluu-changes` that is not about removals, and each exit code."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.journal_site import Site
from tests.support.journals import Journal
from tests.support.serving import Serving
from tests.support.slapd import free_port
from tests.support.sync_command import Synced, run_command, script

REFUSING = """
import sys
sys.exit(65 if 'refused' in sys.stdin.read() else 0)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A command that refuses whoever is refused."""
    file = tmp_path / "hook.py"
    file.write_text(REFUSING)
    return file


def test_ndjson_is_added_to_a_file(synced: Synced, tmp_path: Path) -> None:
    """As the streams of the operation tell it; what a crash left unfinished is cut off."""
    file, state = tmp_path / "changes.ndjson", tmp_path / "state.db"
    synced.journal.put("a", mail="x")
    words = ("--state", state, "--output", file)
    assert run_command("pull", synced.url, *words).code == 0
    with file.open("a") as opened:
        opened.write('{"@id": "unfini')
    synced.journal.remove("a")
    assert run_command("pull", synced.url, *words).code == 0
    created, removed = map(json.loads, file.read_text().splitlines())
    assert (created["@changeType"], created["mail"]) == ("created", ["x"])
    assert (removed["@changeType"], removed["inum"], removed["reason"]) == (
        "removed",
        "a",
        "deleted",
    )


def test_a_format_is_told_where_the_name_does_not_say_it(synced: Synced) -> None:
    """As for the standard output, which has none."""
    synced.journal.put("a")
    words = ("--output", "-", "--attributes", "inum")
    assert run_command("pull", synced.url, *words).lines()[0]["inum"] == ["a"]
    told = run_command("pull", synced.url, *words, "--output-format", "csv")
    assert told.out.splitlines()[0] == "change,id,version,inum"


def test_a_network_without_encryption_has_to_be_allowed(synced: Synced) -> None:
    """No matter that this address leads to this machine as well: it is none of its own."""
    synced.journal.put("a")
    url = synced.url.replace("127.0.0.1", "0.0.0.0")
    words = ("pull", url, "--output", "-")
    assert run_command(*words).code == 2
    assert len(run_command(*words, "--insecure-http").lines()) == 1


def test_csv_has_a_column_for_each_attribute(synced: Synced, tmp_path: Path) -> None:
    """Under one head, also after the second run."""
    file = tmp_path / "changes.csv"
    words = ("--state", tmp_path / "s.db", "--output", file, "--attributes", "uid,mail")
    synced.journal.put("a", mail='say "hi",\r\nall')
    assert run_command("pull", synced.url, *words).code == 0
    synced.journal.put("b")
    assert run_command("pull", synced.url, *words).code == 0
    head, *rows = csv.reader(io.StringIO(file.read_bytes().decode(), newline=""))
    assert head == ["change", "id", "version", "inum", "uid", "mail"]
    assert [(row[0], row[1], *row[4:]) for row in rows] == [
        ("created", "a", "a", 'say "hi",\r\nall'),
        ("created", "b", "b", ""),
    ]


def test_ldif_is_change_records(synced: Synced, tmp_path: Path) -> None:
    """That add, modify and delete; an attribute without values is named, too."""
    file = tmp_path / "changes.ldif"
    shown = ("--attributes", "inum,mail,cn", "--ldif-base", "ou=people,o=x")
    words = ("--state", tmp_path / "s.db", "--output", file, *shown)
    synced.journal.put("a,b", mail=" é")
    assert run_command("pull", synced.url, *words).code == 0
    synced.journal.put("a,b", cn="A")
    assert run_command("pull", synced.url, *words).code == 0
    synced.journal.remove("a,b")
    assert run_command("pull", synced.url, *words).code == 0
    dn = "dn: inum=a\\,b,ou=people,o=x\n"
    assert file.read_text() == (
        f"version: 1\n\n{dn}changetype: add\ninum: a,b\nmail:: IMOp\n\n"
        f"{dn}changetype: modify\nreplace: mail\n-\nreplace: cn\ncn: A\n-\n\n"
        f"{dn}changetype: delete\n\n"
    )


def test_a_command_gets_each_batch(synced: Synced, tmp_path: Path) -> None:
    """On its input; when it fails, its batch comes again."""
    gate, got = tmp_path / "gate", tmp_path / "got"
    hook = tmp_path / "hook.sh"
    hook.write_text(f"test -e {gate} || exit 1\ncat >> {got}\n")
    words = ("--state", tmp_path / "s.db", "--exec", f"sh {hook}")
    synced.journal.put("a")
    assert run_command("pull", synced.url, *words).code == 6
    gate.touch()
    assert run_command("pull", synced.url, *words).code == 0
    assert [json.loads(line)["@id"] for line in got.read_text().splitlines()] == ["a"]


def test_a_refused_record_is_set_aside(synced: Synced, tmp_path: Path, program: Path) -> None:
    """The others go on; it is told by the exit code, by status, and again when it changes."""
    names = [f"{number}" for number in range(20)]
    words = ("--exec", f"{sys.executable} {program}")
    synced.journal.put(*names)
    synced.journal.put("7", mail="refused")
    done = synced.pull(*words)
    assert (done.code, "the record of 7 is set aside" in done.err) == (4, True)
    assert sorted(synced.people()) == sorted({*names} - {"7"})
    assert synced.pull(*words).code == 0
    (aside,) = json.loads(synced.command("status", "--json").out)["own"]["set_aside"]
    assert (aside["id"], "65" in aside["reason"]) == ("7", True)
    assert synced.command("verify").code == 7
    synced.journal.put("7", mail="good")
    assert synced.pull(*words).code == 0
    assert synced.people() == synced.dump()
    assert json.loads(synced.command("status", "--json").out)["own"]["set_aside"] == []


def test_retry_offers_again_what_was_set_aside(synced: Synced, program: Path) -> None:
    """Once the target has been mended."""
    synced.journal.put("a", mail="refused")
    words = ("--exec", f"{sys.executable} {program}")
    assert synced.pull(*words).code == 4
    assert synced.pull(*words, "--retry").code == 4
    program.write_text("")
    assert synced.pull(*words, "--retry").code == 0
    assert synced.people() == synced.dump()


def test_strict_stops_at_a_refused_record(synced: Synced, program: Path) -> None:
    """And the position stays."""
    synced.journal.put("a", mail="refused")
    synced.journal.put("b")
    words = ("--strict", "--exec", f"{sys.executable} {program}")
    assert synced.pull(*words).code == 4
    assert synced.people() == {}
    program.write_text("")
    assert synced.pull(*words).code == 0
    assert [*synced.people()] == ["a", "b"]


def test_a_target_that_refuses_all_is_no_matter_of_records(synced: Synced, program: Path) -> None:
    """The run ends, nothing is set aside, and all come again."""
    synced.journal.put(*(f"{number}" for number in range(40)), mail="refused")
    done = synced.pull("--exec", f"{sys.executable} {program}")
    assert (done.code, "look at the target" in done.err) == (4, True)
    assert json.loads(synced.command("status", "--json").out)["own"]["set_aside"] == []
    program.write_text("")
    assert synced.pull("--exec", f"{sys.executable} {program}").code == 0
    assert len(synced.people()) == 40


def test_a_dry_run_moves_nothing(synced: Synced, tmp_path: Path) -> None:
    """It says what would be done; not even a file is there afterwards."""
    report, output = tmp_path / "report.json", tmp_path / "out.ndjson"
    words = ("--dry-run", "--report", report, "--output", output, "--exec", "false")
    synced.journal.put("a", "b")
    assert synced.pull(*words).code == 0
    assert json.loads(report.read_text())["counts"]["created"] == 2
    assert not output.exists()
    assert not [*tmp_path.glob("replica*[!k]")]
    synced.pull()
    synced.journal.remove("a")
    assert synced.pull(*words).code == 0
    assert json.loads(report.read_text())["counts"]["removed"] == 1
    assert [*synced.people()] == ["a", "b"]


def test_attributes_can_be_chosen(synced: Synced) -> None:
    """With others everybody is read again, and so written."""
    synced.journal.put("a", mail="m", cn="c")
    assert synced.pull("--attributes", "mail").code == 0
    assert synced.people() == {"a": {"inum": ["a"], "mail": ["m"]}}
    done = synced.pull("--exclude", "mail,uid")
    assert (done.code, "Everybody is read anew" in done.err) == (0, True)
    assert synced.people() == {"a": {"inum": ["a"], "cn": ["c"]}}


def test_a_table_has_the_name_that_it_is_given(synced: Synced) -> None:
    """And its state is beside it, so one database holds several."""
    synced.journal.put("a")
    assert synced.pull("--table", "staff").code == 0
    assert synced.pull().code == 0
    assert synced.rows("SELECT id FROM staff") == [("a",)] == synced.rows("SELECT id FROM people")


def test_a_state_of_its_own_beside_a_table(synced: Synced, tmp_path: Path) -> None:
    """Then the database has the table alone."""
    synced.journal.put("a")
    assert synced.pull("--state", tmp_path / "s.db").code == 0
    names = synced.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    assert names == [("people",)]
    assert synced.people() == synced.dump()


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--state", "s.db", "--output", "x.txt"),
        ("--state", "s.db", "--output", "x.csv"),
        ("--state", "s.db", "--exec", "no-such-program-here"),
        ("--into", "sqlite:///x.db", "--table", "a b"),
        ("--into", "oracle://x"),
        ("--into", "postgresql://me:secret@127.0.0.1/x"),
        ("--into", "sqlite:///x.db", "--max-removals", "much"),
        ("--into", "sqlite:///x.db", "--no-such-flag"),
    ],
    ids=str,
)
def test_a_wrong_command_line(words: tuple[str, ...], tmp_path: Path) -> None:
    """Is refused with exit code 2 before anything is asked, and no secret is repeated."""
    words = tuple(str(tmp_path / w) if w in ("s.db", "x.csv", "x.txt") else w for w in words)
    done = run_command("pull", "http://127.0.0.1:9/", *words)
    assert (done.code, done.out, "secret" in done.err) == (2, "", False), done.err


def test_a_server_that_refuses(journal: Journal, tmp_path: Path) -> None:
    """Ends a run with 4: the operator has to act."""
    with Serving(Site(journal).app) as serving:
        url = f"{serving.url}/elsewhere"
        assert run_command("pull", url, "--output", "-").code == 4


def test_a_database_that_is_not_there(synced: Synced) -> None:
    """Ends a run with 5: a later one may succeed."""
    url = f"postgresql://me@127.0.0.1:{free_port()}/x"
    assert run_command("pull", synced.url, "--into", url).code == 5


def test_a_second_run_ends_at_once(synced: Synced, tmp_path: Path) -> None:
    """While the first one works, and with an exit code of its own."""
    reading, going = tmp_path / "reading", tmp_path / "going"
    subprocess.run(["mkfifo", reading, going], check=True)
    hook = f"sh -c 'echo > {reading}; cat {going}'"
    synced.journal.put("a")
    words = ["pull", synced.url, "--state", str(tmp_path / "s.db"), "--exec", hook]
    with subprocess.Popen([*script(), *words]) as first:
        reading.read_text()
        assert run_command(*words).code == 75
        going.write_text("")
        assert first.wait(30) == 0


def test_standard_output_may_end_early(synced: Synced) -> None:
    """A reader that has enough is no traceback."""
    synced.journal.put(*(f"{number}" for number in range(3000)), mail="x" * 100)
    with subprocess.Popen(
        [*script(), "pull", synced.url, "--output", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
    assert process.returncode == 5


def test_a_table_with_rules_of_its_own(synced: Synced) -> None:
    """A record that breaks them is set aside, and the others go on."""
    synced.journal.put("a")
    synced.pull()
    with sqlite3.connect(synced.folder / "replica.db") as connection:
        connection.execute("CREATE UNIQUE INDEX rule ON people (attributes ->> 'mail')")
    synced.journal.put("b", mail="same")
    synced.journal.put("c", mail="same")
    done = synced.pull()
    assert (done.code, "same" in done.err) == (4, False)
    assert [*synced.people()] == ["a", "b"]
