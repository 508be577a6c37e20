"""The columns of attributes are read from text or from a mapping, and each attribute has one."""

from __future__ import annotations

from typing import Any

import pytest

from flask_gluu_changes import ConfigurationError
from flask_gluu_changes.settings.backends import SqlSettings

KEY = "GLUU_CHANGES_SQL_COLUMNS"


@pytest.mark.parametrize(
    "given",
    ["inum=id,uid=login", " inum = id , uid = login, ", {"inum": "id", "uid": "login"}],
)
def test_columns_are_read(given: object) -> None:
    """Text comes from the environment, and a mapping from code or from JSON in it."""
    assert SqlSettings.load({KEY: given}).sql_columns == (("inum", "id"), ("uid", "login"))


def test_a_column_may_have_any_name() -> None:
    """Blanks and equals signs within it are its own."""
    columns = SqlSettings.load({KEY: "inum=person id, uid=a=b"}).sql_columns
    assert columns == (("inum", "person id"), ("uid", "a=b"))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("inum", "must name each attribute once, with its column: 'inum'"),
        ("inum=", "must name each attribute once"),
        ("=id", "must name each attribute once"),
        ("inum=id, INUM=number", "must name each attribute once"),
        ({"inum": ""}, "must name each attribute once"),
        (["inum=id"], "must be a mapping, or text such as inum=id, uid=login"),
        (5, "must be a mapping"),
    ],
)
def test_what_names_no_columns_is_refused(given: Any, sentence: str) -> None:
    """The sentence names the key and shows how to write it."""
    with pytest.raises(ConfigurationError, match=f"^{KEY} {sentence}"):
        SqlSettings.load({KEY: given})
