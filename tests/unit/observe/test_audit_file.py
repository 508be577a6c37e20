"""The file of audit records: a line each, from whatever process, wherever the file was moved."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_gluu_changes import AuditRecord, ConfigurationError, GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.observe.audit_file import AuditFile
from tests.support.apps import OPERATION, PEOPLE, query_of
from tests.support.audited import Records
from tests.support.paths import ROOT

REGISTERED = {"GLUU_CHANGES_PROTECTION": "bypass", "TESTING": True}


def _record(request_id: str) -> AuditRecord:
    return AuditRecord(0.0, request_id, "", "", "", "GET", "cursor", {}, 0, 0, 200, "", 0.1)


def _ids(file: Path) -> list[str]:
    return [json.loads(line)["request_id"] for line in file.read_text().splitlines()]


def _app(**settings: Any) -> Flask:
    app = Flask("audited")
    app.config.update(
        REGISTERED, **{f"GLUU_CHANGES_{key}": value for key, value in settings.items()}
    )
    GluuChanges(app, backend=MemoryBackend(PEOPLE))
    return app


def test_records_go_to_the_file_instead_of_the_log(tmp_path: Path, records: Records) -> None:
    """Those of answers and those of refusals, as the log would have them."""
    file = tmp_path / "audit.log"
    client = _app(AUDIT_LOG=str(file)).test_client()
    answers = [client.get(OPERATION, query_string=query) for query in (query_of(), "timeStamp=x")]
    _until_there_are(2, file)
    found = [json.loads(line) for line in file.read_text().splitlines()]
    assert [one["request_id"] for one in found] == [
        answer.headers["X-Request-Id"] for answer in answers
    ]
    assert [(one["status"], one.get("entries"), one.get("reason")) for one in found] == [
        (200, 3, None),
        (400, None, "invalidValue"),
    ]
    assert not records.kept


def _until_there_are(count: int, file: Path) -> None:
    """Wait for the next write."""

    until = time.monotonic() + 20
    while not file.exists() or len(_ids(file)) < count:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_file_that_was_moved_is_made_anew(tmp_path: Path) -> None:
    """As logrotate does it; who asked for what is not for everybody."""
    path = tmp_path / "audit.log"
    file = AuditFile(str(path))
    assert not path.exists()
    file.keep(_record("before"))
    file.flush()
    path.rename(tmp_path / "audit.log.1")
    file.keep(_record("after"))
    file.flush()
    assert (_ids(tmp_path / "audit.log.1"), _ids(path)) == (["before"], ["after"])
    assert not stat.S_IMODE(path.stat().st_mode) & 0o027


def test_a_file_that_is_there_is_appended_to(tmp_path: Path) -> None:
    """Whatever its mode is."""
    path = tmp_path / "audit.log"
    path.write_text('{"request_id":"older"}\n')
    file = AuditFile(str(path))
    file.keep(_record("newer"))
    file.flush()
    assert _ids(path) == ["older", "newer"]


def test_the_working_folder_may_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is that of the start."""
    monkeypatch.chdir(tmp_path)
    file = AuditFile("audit.log")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    file.keep(_record("a"))
    file.flush()
    assert _ids(tmp_path / "audit.log") == ["a"]


def test_a_full_disk_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """With the number of records that are lost, and without what is in them."""
    file = AuditFile("/dev/full")
    for name in ("secret-a", "secret-b"):
        file.keep(_record(name))
    file.flush()
    (told,) = caplog.records
    assert (told.levelno, told.name) == (logging.ERROR, AuditFile.__module__)
    assert told.getMessage().startswith("2 audit records could not be written: ")
    assert "No space left on device" in told.getMessage()
    assert "secret" not in told.getMessage()


FULL = """
import resource, signal, sys
from flask_gluu_changes.observe.audit_file import AuditFile
from tests.unit.observe.test_audit_file import _record

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
file = AuditFile(sys.argv[1])
for room, names in ((100, "ab"), (100, "c"), (100_000, "d"), (100_000, "e")):
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    for name in names:
        file.keep(_record(name))
    file.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


def test_a_line_that_was_cut_spoils_no_other(tmp_path: Path) -> None:
    """A disk that is full takes a part of one; each that is lost is told."""
    path = tmp_path / "audit.log"
    command = [sys.executable, "-c", FULL, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=True)
    cut, *whole = path.read_text().splitlines()
    assert len(cut) == 100
    assert [json.loads(line)["request_id"] for line in whole] == ["d", "e"]
    assert re.findall(r"(\d+) audit records could not be written", done.stderr) == ["2", "1"]


def test_what_others_read_is_written_to(tmp_path: Path) -> None:
    """A pipe with a reader, such as a container's standard output."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    file = AuditFile(str(pipe))
    file.keep(_record("a"))
    file.flush()
    assert json.loads(os.read(reader, 1000))["request_id"] == "a"
    os.close(reader)
    with pytest.raises(OSError, match="No such device"):
        AuditFile(str(pipe))


def test_a_short_write_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system may take a part alone; the rest follows."""

    written = io.FileIO.write

    class Slow(io.FileIO):
        def write(self, data: Any) -> int:
            return written(self, data[:7])

    def open_slowly(path: Path, mode: str, **options: Any) -> io.FileIO:
        return Slow(path, mode.replace("b", ""), opener=options["opener"])

    monkeypatch.setattr("builtins.open", open_slowly)
    file = AuditFile(str(tmp_path / "audit.log"))
    file.keep(_record("a"))
    file.keep(_record("b"))
    file.flush()
    monkeypatch.undo()
    assert _ids(tmp_path / "audit.log") == ["a", "b"]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"AUDIT_LOG": "/missing/audit.log"}, "AUDIT_LOG names a file that cannot be written: No"),
        ({"AUDIT_LOG": "/dev"}, "AUDIT_LOG names a file that cannot be written: Is a directory"),
        ({"AUDIT_LOG": "/dev/null/audit.log"}, "cannot be written: "),
        ({"AUDIT_LOG": "~/audit.log"}, "cannot be written: No such file"),
        ({"AUDIT_LOG": "/dev/null", "AUDIT": False}, "AUDIT switches off; remove one of them"),
        ({"AUDIT_LOG": ["a"]}, "AUDIT_LOG must be text"),
    ],
)
def test_a_file_that_cannot_be_written_fails_at_start(settings: dict[str, Any], why: str) -> None:
    """Not at the first request."""
    with pytest.raises(ConfigurationError, match=why):
        _app(**settings)


def test_a_link_that_leads_nowhere_fails_at_start(tmp_path: Path) -> None:
    """The file would be made where it leads."""
    link = tmp_path / "audit.log"
    link.symlink_to(tmp_path / "missing" / "audit.log")
    with pytest.raises(FileNotFoundError):
        AuditFile(str(link))


def test_a_folder_of_others_fails_at_start() -> None:
    """Before anything could be lost there."""
    program = (
        "import os\n"
        "from flask_gluu_changes.observe.audit_file import AuditFile\n"
        "os.getuid() or os.setuid(65534)\n"
        "AuditFile('/audit.log')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert "PermissionError: no file may be made in /\n" in done.stderr


FORKED = """
import os, sys
from flask_gluu_changes.observe.audit_file import AuditFile
from tests.unit.observe.test_audit_file import _record

file = AuditFile(sys.argv[1])
file.keep(_record("parent"))
children = []
for child in range(4):
    if not (pid := os.fork()):
        for number in range(3000):
            file.keep(_record(f"{child}-{number}"))
            if number % 500 == 499:
                file.flush()
        os._exit(0)
    children.append(pid)
for pid in children:
    os.waitpid(pid, 0)
"""


def test_processes_share_a_file(tmp_path: Path) -> None:
    """Each record is there once, on a line of its own; the parent's are the parent's."""
    path = tmp_path / "audit.log"
    subprocess.run([sys.executable, "-c", FORKED, str(path)], check=True, timeout=60, cwd=ROOT)
    expected = ["parent", *(f"{child}-{number}" for child in range(4) for number in range(3000))]
    assert sorted(_ids(path)) == sorted(expected)
    assert os.stat(path).st_size > 1_000_000
