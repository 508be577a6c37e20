"""A page that says what is not so is found out."""

from __future__ import annotations

from pathlib import Path

import pytest

from .blocks import Block
from .session import Session


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A terminal without servers."""
    return Session(tmp_path, {"https://idp.example.org": "http://127.0.0.1:1"})


@pytest.mark.parametrize(
    ("info", "text"),
    [
        ("", "x = 1"),
        ("sql", "SELECT 1"),
        ("json", "{}"),
        ("console later", "$ true"),
        ("python", "raise AssertionError"),
        ("console", "$ false"),
        ("console", "$ echo one\ntwo"),
        ("console", "$ echo one\n…two"),
        ("ini", "GLUU_CHANGES_PROTECTON=test"),
        ("ini", "nothing"),
        ("console setup", "$ make nothing-of-the-kind"),
        ("console setup", "$ pip install '.[ldap,nothing]'"),
    ],
)
def test_what_is_not_so_fails(session: Session, info: str, text: str) -> None:
    """Neither run nor marked, failing, printing something else, or naming what is not there."""
    language, _, role = info.partition(" ")
    with pytest.raises(AssertionError):
        session.follow(Block("page:1", language, role, text))


@pytest.mark.parametrize(
    ("info", "text"),
    [
        ("text output", "anything"),
        ("{note}", "x"),
        ("python", "issuer = 'https://idp.example.org'\nassert issuer.startswith('http:')"),
        ("console", "$ NAME=value\n$ echo $NAME\nva…"),
        ("console", "$ echo one \\\n>   two\none two"),
        ("ini", "# a comment\nGLUU_CHANGES_MAX_WAITERS=3"),
        ("console setup", "$ pip install --editable '.[ldap]'\n$ make demo"),
    ],
)
def test_what_is_so_passes(session: Session, info: str, text: str) -> None:
    """Variables stay, `…` stands for anything, and texts of the page are replaced."""
    language, _, role = info.partition(" ")
    session.follow(Block("page:1", language, role, text))


def test_a_program_that_does_not_start_fails(session: Session) -> None:
    """With what it printed."""
    block = Block("page:1", "console", "background", "$ flask --app nothing run --port 8000")
    with session, pytest.raises(AssertionError, match="nothing"):
        session.follow(block)


def test_what_was_started_ends_with_the_page(session: Session) -> None:
    """So that nothing is left behind."""
    (session.folder / "app.py").write_text("from flask import Flask\napp = Flask('page')\n")
    with session:
        session.follow(Block("page:1", "console", "background", "$ flask run --port 8000"))
        session.follow(Block("page:2", "console", "", "$ curl -s http://127.0.0.1:8000/"))
    with pytest.raises(AssertionError):
        session.follow(Block("page:3", "console", "", "$ curl -s http://127.0.0.1:8000/"))
