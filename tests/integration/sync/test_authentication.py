"""`gluu-changes` proves who it is to a real authorization server, and tells no secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from flask_gluu_changes import GluuChanges
from tests.support.apps import OPERATION
from tests.support.authorization_server import CLIENT_KEY, AuthorizationServer
from tests.support.journals import Journal
from tests.support.markers import TOKEN_SECRET
from tests.support.serving import Serving
from tests.support.sync_command import Done, run_command

pytestmark = pytest.mark.timeout(120)

SCOPE = "https://gluu.org/scim/users.read"

Pull = Callable[..., Done]


@pytest.fixture(scope="module")
def server() -> Iterator[AuthorizationServer]:
    """An authorization server."""
    with AuthorizationServer() as server:
        assert isinstance(server, AuthorizationServer)
        yield server


@pytest.fixture
def pull(journal: Journal, server: AuthorizationServer) -> Iterator[Pull]:
    """Pull from a journal with one person, which is protected in a mode."""
    journal.put("a")
    serving: list[Serving] = []

    def run(mode: str, *words: object, **environment: str) -> Done:
        app = Flask("protected")
        known = {"issuer": server.issuer, "client_id": "rs", "client_secret": "rs-secret"}
        more = {"scope": SCOPE} if mode == "oauth" else {"uma_scope": "read"}
        settings = {"protection": mode, "token_cache_seconds": 0, **known, **more}
        app.config.update({f"GLUU_CHANGES_{n.upper()}": v for n, v in settings.items()})
        app.config.update(SECRET_KEY=TOKEN_SECRET)
        GluuChanges(app, backend=journal.backend)
        serving.append(Serving(app))
        serving[-1].start()
        url = serving[-1].url + OPERATION
        done = run_command("pull", url, "--output", "-", *words, **environment)
        assert "caller-secret" not in done.out + done.err
        return done

    yield run
    for one in serving:
        one.stop()


def client(server: AuthorizationServer, name: str = "caller") -> tuple[str, ...]:
    return ("--token-endpoint", f"{server.url}/token", "--client-id", name)


def names(done: Done) -> list[str]:
    assert done.code == 0, done.err
    return [line["uid"][0] for line in done.lines()]


def test_the_secret_is_in_a_file_a_variable_or_a_credential_of_systemd(
    server: AuthorizationServer, pull: Pull, tmp_path: Path
) -> None:
    """For OAuth's client credentials, and for UMA."""
    (tmp_path / "client-secret").write_text("caller-secret\n")
    file = ("--client-secret-file", tmp_path / "client-secret")
    asked = (*client(server), "--scope", SCOPE)
    assert names(pull("oauth", *asked, *file)) == ["a"]
    assert names(pull("oauth", *asked, GLUU_SYNC_CLIENT_SECRET="caller-secret")) == ["a"]
    assert names(pull("oauth", *asked, CREDENTIALS_DIRECTORY=str(tmp_path))) == ["a"]
    assert names(pull("uma", *client(server), "--uma", *file)) == ["a"]


def test_a_key_signs_and_a_command_prints_a_token(
    server: AuthorizationServer, pull: Pull, tmp_path: Path
) -> None:
    """In place of a secret."""
    (tmp_path / "key.pem").write_bytes(CLIENT_KEY.as_pem(private=True))
    key = ("--client-key", tmp_path / "key.pem", "--scope", SCOPE)
    assert names(pull("oauth", *client(server, "rs"), *key)) == ["a"]
    assert names(pull("oauth", "--token-command", f"echo {server.issue(SCOPE)}")) == ["a"]


def test_who_is_refused_or_gives_nothing_is_told(
    server: AuthorizationServer, pull: Pull, tmp_path: Path
) -> None:
    """With the exit codes 4 for a refusal, and 2 for a mistake in the options."""
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong")
    refused = pull("oauth", *client(server), "--client-secret-file", wrong)
    assert refused.code == 4
    assert "does not accept the client's name and secret" in refused.err
    assert pull("oauth").code == 4
    mistake = pull("oauth", *client(server))
    assert mistake.code == 2
    assert "the client has no secret" in mistake.err


def test_nothing_is_asked_over_plain_http(tmp_path: Path) -> None:
    """Not even without a token, unless the operator says so; then the host is looked for."""
    url = "http://people.invalid/UpdatedUsers"
    words = ("pull", url, "--state", tmp_path / "s.db")
    refused = run_command(*words)
    assert refused.code == 2
    assert "--insecure-http" in refused.err
    secret = run_command("pull", "https://user:s3cret@people.invalid/", "--state", tmp_path / "s")
    assert secret.code == 2
    assert "s3cret" not in secret.err


def test_a_run_leaves_a_report_and_metrics(pull: Pull, tmp_path: Path) -> None:
    """Also one that is refused; a quiet one says nothing."""
    report, metrics = tmp_path / "report.json", tmp_path / "people.prom"
    words = ("--report", report, "--metrics-file", metrics, "--quiet")
    assert pull("oauth", *words).code == 4
    assert json.loads(report.read_text())["result"] == "refused"
    assert 'last_run_exit_code{sync="people"} 4.0' in metrics.read_text()
