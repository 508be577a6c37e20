"""Every code block of README.md and the manual does what its page says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from flask_gluu_changes.testing import person
from tests.support.authorization_server import AuthorizationServer
from tests.support.journal_site import Site
from tests.support.journals import Journal, file_engine
from tests.support.serving import Serving
from tests.support.slapd import Slapd

from .blocks import blocks_of, name_of, pages
from .session import Session

CONTINUED = {"docs/tutorial/follow.md": "docs/tutorial/first-answer.md"}
"""Pages that go on where another one ended."""

PAGES = [page for page in pages() if name_of(page) not in CONTINUED.values()]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """A slapd that anybody may read, with one person."""
    with Slapd(tmp_path_factory.mktemp("slapd")) as server:
        classes = [b"gluuPerson", b"gluuCustomPerson"]
        entry = {**person("jane"), "inum": [b"1"], "objectClass": classes}
        modlist = [(name, list(values)) for name, values in entry.items()]
        server.connect().add_s(f"inum=1,{server.base_dn}", modlist)
        yield server


@pytest.fixture(scope="module")
def issuer() -> Iterator[AuthorizationServer]:
    """The authorization server that the pages call https://idp.example.org."""
    with AuthorizationServer() as server:
        assert isinstance(server, AuthorizationServer)
        server.clients |= {"changes-api": "the secret", "replica": "the secret"}
        server.clients["caller"] = "the callers secret"
        yield server


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of a journal with one person, which the pages call https://people.example.org."""
    journal = Journal(file_engine(tmp_path_factory.mktemp("journal")))
    journal.put("a")
    with Serving(Site(journal).app) as serving:
        yield serving.url
    journal.backend.close()


@pytest.fixture
def session(
    tmp_path: Path, directory: Slapd, issuer: AuthorizationServer, feed: str
) -> Iterator[Session]:
    """A terminal where the servers that the pages name are the tests' own."""
    replaced = {
        "https://idp.example.org": issuer.url,
        "https://people.example.org": feed,
        "ldap://127.0.0.1:389": directory.uri,
        "cn=changes,o=gluu": directory.admin_dn,
        "the password": directory.admin_password,
    }
    with Session(tmp_path, replaced) as session:
        yield session


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_blocks_of_a_page(page: Path, session: Session) -> None:
    """Each is run, loaded, checked, or marked as output."""
    before = CONTINUED.get(name_of(page))
    for followed in [p for p in pages() if name_of(p) == before] + [page]:
        for block in blocks_of(followed):
            session.follow(block)


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_block_is_fenced(page: Path) -> None:
    """An indented block has no language, so it would be neither run nor marked."""
    tokens = MarkdownIt().parse(page.read_text())
    assert [token.map for token in tokens if token.type == "code_block"] == []
