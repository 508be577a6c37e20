"""The worked example of a backend keeps the contract, and loses nothing that its files show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from example_app.hr import HrBackend
from flask_gluu_changes import BackendRefused, BackendUnavailable, ChangesQuery, GluuChanges
from flask_gluu_changes.testing import LONG_AGO, NOON, BackendContract
from tests.support.personnel import TIMES, PersonnelSystem, Row, export

HOUR = timedelta(hours=1)


class TestHrBackend(BackendContract):
    """The whole contract, over a folder of exports."""

    everybody_has_a_time = True

    @pytest.fixture
    def store(self, tmp_path: Path) -> PersonnelSystem:
        """A personnel system whose first export holds nobody."""
        return PersonnelSystem(tmp_path)


def row(number: str, **cells: str) -> Row:
    """Make a row."""
    return {"number": number, "login": f"u{number}", **cells}


def times_of(folder: Path) -> dict[str, tuple[datetime, datetime]]:
    """Give when everybody counts as created and as updated."""
    entries = HrBackend(folder).changes(ChangesQuery(LONG_AGO))
    return {str(e["inum"][0]): (e[TIMES[0]][0], e[TIMES[1]][0]) for e in entries}  # type: ignore[misc]


def test_the_times_are_those_of_the_files(tmp_path: Path) -> None:
    """A row counts from the export in which it first stood as it stands now."""
    export(tmp_path, NOON, [row("1"), row("2"), row("3")])
    export(tmp_path, NOON + HOUR, [row("1"), row("2", name="B"), row("4")])
    export(tmp_path, NOON + 2 * HOUR, [row("1"), row("2", name="B"), row("3")])
    assert times_of(tmp_path) == {
        "1": (NOON, NOON),
        "2": (NOON, NOON + HOUR),
        "3": (NOON + 2 * HOUR, NOON + 2 * HOUR),
    }


def test_without_old_exports_nothing_is_lost(tmp_path: Path) -> None:
    """Where an old export was thrown away, its people come later rather than never."""
    oldest = export(tmp_path, NOON, [row("1")])
    export(tmp_path, NOON + HOUR, [row("1")])
    assert times_of(tmp_path) == {"1": (NOON, NOON)}
    oldest.unlink()
    assert times_of(tmp_path) == {"1": (NOON + HOUR, NOON + HOUR)}


def test_the_order_is_that_of_the_times(tmp_path: Path) -> None:
    """Names of files do not count: the youngest one is the newest export."""
    export(tmp_path, NOON + HOUR, [row("1", name="new")], name="a")
    export(tmp_path, NOON, [row("1", name="old")], name="b")
    (entry,) = HrBackend(tmp_path).changes(ChangesQuery(LONG_AGO))
    assert entry["cn"] == ["new"]


@pytest.mark.parametrize(
    "text",
    [
        "number,login\n1,a\n1,b\n",
        "number,login\n1\n",
        "number,login\n1,a,b\n",
        "number,login\n,a\n",
        'number,login\n1,"a\n',
        "login\na\n",
        "number,login\n1,\udce9\n",
    ],
    ids=["twice", "short", "long", "no number", "open quote", "no column", "Latin-1"],
)
def test_an_export_that_cannot_be_understood(tmp_path: Path, text: str) -> None:
    """A list that may be short is refused, and the file named."""
    (tmp_path / "people-1.csv").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(BackendRefused, match=r"people-1\.csv"):
        list(HrBackend(tmp_path).changes(ChangesQuery(LONG_AGO)))


def test_without_an_export(tmp_path: Path) -> None:
    """Before the first export came nobody knows who there is; that passes by itself."""
    (tmp_path / "people-1.part").write_text("number,login\n")
    with pytest.raises(BackendUnavailable, match="yet"):
        list(HrBackend(tmp_path).changes(ChangesQuery(LONG_AGO)))


def test_in_an_application(tmp_path: Path) -> None:
    """The operation answers from the exports, without columns that clients do not know."""
    export(tmp_path, datetime(2024, 5, 1, tzinfo=UTC), [row("1", remark="secret")])
    app = Flask("hr")
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    GluuChanges(app, backend=HrBackend(tmp_path))
    query = {"timeStamp": "2024-05-01T00:00:00Z", "pagesize": "10"}
    page = app.test_client().get("/identity/restv1/scim/UpdatedUsers", query_string=query).json
    time = "2024-05-01T00:00:00Z"
    entry = {"inum": ["1"], "oxCreationTimestamp": [time], "uid": ["u1"], "updatedAt": [time]}
    assert page == {"total": 1, "latestUpdateAt": time, "results": [entry]}
