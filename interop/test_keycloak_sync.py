"""The recipe of the manual keeps users of a Keycloak realm equal to a journal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.docs.blocks import ROOT, blocks_of
from tests.support.apps import OPERATION
from tests.support.journal_site import Site
from tests.support.journals import Journal, file_engine
from tests.support.serving import Serving
from tests.support.sync_command import Done, run_command

from .keycloak import REALM, Keycloak

CLIENT, SECRET = "people-sync", "sync-secret"
ROLES = ("manage-users", "view-users", "query-users")


@pytest.fixture(scope="module")
def administered(keycloak: Keycloak) -> Keycloak:
    """The realm with the client of the job, as the recipe says."""
    body = {"clientId": CLIENT, "secret": SECRET, "serviceAccountsEnabled": True}
    client = keycloak.create(f"/{REALM}/clients", body)
    account = keycloak.get(f"/{REALM}/clients/{client}/service-account-user")["id"]
    (manager,) = keycloak.get(f"/{REALM}/clients?clientId=realm-management")
    roles = keycloak.get(f"/{REALM}/clients/{manager['id']}/roles")
    wanted = [role for role in roles if role["name"] in ROLES]
    keycloak.change(
        "POST", f"/{REALM}/users/{account}/role-mappings/clients/{manager['id']}", wanted
    )
    profile = keycloak.get(f"/{REALM}/users/profile")
    only_admins = {"view": ["admin"], "edit": ["admin"]}
    profile["attributes"].append({"name": "sourceId", "permissions": only_admins})
    keycloak.change("PUT", f"/{REALM}/users/profile", profile)
    return keycloak


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal of nobody."""
    journal = Journal(file_engine(tmp_path))
    yield journal
    journal.backend.close()


class Recipe:
    """The program of the recipe, and the job that runs it."""

    def __init__(self, keycloak: Keycloak, url: str, folder: Path) -> None:
        page = ROOT / "docs/how-to/sync-recipes.md"
        (program,) = (b for b in blocks_of(page) if b.role == "file=to_keycloak.py")
        self._program = folder / "to_keycloak.py"
        self._program.write_text(program.text)
        (folder / "secret").write_text(SECRET)
        self._state, self._url = folder / "keycloak.db", url
        self._environment = {
            "KEYCLOAK_REALM": f"{keycloak.url}/admin/realms/{REALM}",
            "KEYCLOAK_TOKENS": keycloak.token_endpoint,
            "KEYCLOAK_CLIENT": CLIENT,
            "KEYCLOAK_SECRET_FILE": str(folder / "secret"),
        }

    def pull(self, command: str = "pull", *words: str) -> Done:
        """Run the job, or another command on its state."""
        hook = ("--exec", f"{sys.executable} {self._program}") if command == "pull" else ()
        state = ("--state", self._state)
        return run_command(command, self._url, *state, *hook, *words, **self._environment)


def users(keycloak: Keycloak) -> dict[str, dict[str, Any]]:
    """Return the users that have a `sourceId`, by name."""
    everybody = keycloak.get(f"/{REALM}/users?max=100&briefRepresentation=false")
    return {u["username"]: u for u in everybody if "sourceId" in u.get("attributes", {})}


def test_users_are_kept_equal(administered: Keycloak, journal: Journal, tmp_path: Path) -> None:
    """Created, changed, renamed and removed; a name that somebody else has is set aside."""
    administered.create(f"/{REALM}/users", {"username": "taken", "enabled": True})
    journal.put("ada", "bob", "eve", givenName="First", sn="Last", mail="one@example.org")
    with Serving(Site(journal).app) as serving:
        recipe = Recipe(administered, serving.url + OPERATION, tmp_path)
        first = recipe.pull()
        assert first.code == 4, first.err  # three people have one address: two are set aside
        assert len(users(administered)) == 1
        for name in ("ada", "bob", "eve"):
            journal.put(name, givenName=name.title(), sn="Last", mail=f"{name}@example.org")
        second = recipe.pull()
        assert second.code == 0, second.err
        assert {n: u["firstName"] for n, u in users(administered).items()} == {
            "ada": "Ada",
            "bob": "Bob",
            "eve": "Eve",
        }
        journal.remove("bob")
        journal.put("ada", givenName="Ada", sn="Byron", mail="ada@example.org")
        journal.put("taken", mail="taken@example.org")
        third = recipe.pull()
        assert third.code == 4, third.err
        assert {n: u["lastName"] for n, u in users(administered).items()} == {
            "ada": "Byron",
            "eve": "Last",
        }
        status = json.loads(recipe.pull("status", "--json").out)
    assert "taken" in json.dumps(status)
