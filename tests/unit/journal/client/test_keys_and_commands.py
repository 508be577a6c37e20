"""A client without a secret: it signs with a key, or another program gets its tokens."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import httpx
import pytest

from flask_gluu_changes.client import (
    ChangesClient,
    ChangesMisconfigured,
    ChangesUnavailable,
    ClientCredentials,
    MemoryTokenStore,
    PrivateKey,
    TokenCommand,
    Uma,
)
from tests.support.authorization_server import CLIENT_KEY, AuthorizationServer

from .misbehaving import client_of, page

SECRET = "s3cret-word"

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """The client's private key, as PEM."""
    file = tmp_path / "replica.pem"
    file.write_bytes(CLIENT_KEY.as_pem(private=True))
    return file


def printing(text: str, more: str = "") -> str:
    """Make a command that prints a text."""
    return shlex.join([sys.executable, "-c", f"print({text!r}){more}"])


def test_a_client_proves_itself_with_a_key(key_file: Path) -> None:
    """For client credentials and for UMA, by `private_key_jwt`; no secret is sent."""
    with AuthorizationServer() as server:
        assert isinstance(server, AuthorizationServer)
        key = PrivateKey(key_file)

        def answer(request: httpx.Request) -> httpx.Response:
            if str(request.url).startswith(server.url):
                return httpx.post(request.url, content=request.read(), headers=request.headers)
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if server.tokens.get(token, {}).get("client_id") == "rs":
                return httpx.Response(200, json=page("a", token="t"))
            server.tickets["one"] = []
            return httpx.Response(401, headers={"WWW-Authenticate": 'UMA ticket="one"'})

        for auth in (
            ClientCredentials(f"{server.url}/token", "rs", key),
            Uma(f"{server.url}/token", "rs", key),
        ):
            (batch,) = client_of(answer, auth=auth, repetitions=0).drain()
            assert [change.id for change in batch.changes] == ["a"]
        assert not any(header for _, header, _ in server.requests)


def test_a_file_without_a_private_key_is_refused(tmp_path: Path) -> None:
    """In a sentence, before anything is asked."""
    public = tmp_path / "public.pem"
    public.write_bytes(CLIENT_KEY.as_pem(private=False))
    with pytest.raises(ChangesMisconfigured, match="the client's key holds a public key"):
        PrivateKey(public)
    with pytest.raises(ChangesMisconfigured, match="cannot be read"):
        PrivateKey(tmp_path / "none")


def test_a_command_gets_the_token_and_another_one_when_it_is_refused(tmp_path: Path) -> None:
    """It is run once for many requests."""
    runs = tmp_path / "runs"
    code = f"open({str(runs)!r}, 'a').write('x'); print(len(open({str(runs)!r}).read()))"
    auth = TokenCommand(shlex.join([sys.executable, "-c", code]))

    tokens = iter("123")

    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers["Authorization"] != "Bearer 2":
            return httpx.Response(401)
        return httpx.Response(200, json=page("a", token=next(tokens)))

    client = client_of(answer, auth=auth, repetitions=0)
    assert [len(list(client.drain())) for _ in range(3)] == [1, 1, 1]
    assert runs.read_text() == "xx"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (printing(SECRET, "; import sys; sys.exit(3)"), "ended with 3"),
        (printing(f"{SECRET} with blanks"), "printed no bearer token"),
        (printing(""), "printed no bearer token"),
        (shlex.join([sys.executable, "-c", "import time; time.sleep(9)"]), "TimeoutExpired"),
    ],
    ids=["fails", "prints a sentence", "prints nothing", "hangs"],
)
def test_a_command_that_fails_may_work_again(command: str, why: str) -> None:
    """It may need a network, so it is no refusal; what it printed is not repeated."""
    auth = TokenCommand(command, timeout=0.5 if "sleep" in command else 30)
    client = client_of(lambda _: httpx.Response(200), auth=auth, repetitions=0)
    with pytest.raises(ChangesUnavailable, match=why) as caught:
        list(client.drain())
    assert SECRET not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_program_that_disappears_is_no_crash(tmp_path: Path) -> None:
    """Its file may be gone between two runs."""
    program = tmp_path / "token"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    client = client_of(
        lambda _: httpx.Response(200), auth=TokenCommand(str(program)), repetitions=0
    )
    os.unlink(program)
    with pytest.raises(ChangesUnavailable, match="FileNotFoundError"):
        list(client.drain())


@pytest.mark.parametrize(
    ("command", "why"), [("'a", "quote"), (" ", "empty"), ("/no/such/program", "no program")]
)
def test_a_command_that_cannot_be_run_is_refused(command: str, why: str) -> None:
    """When the authentication is made."""
    with pytest.raises(ChangesMisconfigured, match=why):
        TokenCommand(command)


def test_plain_http_needs_a_word_of_the_operator() -> None:
    """With it, secret and token go to any host; other schemes are refused all the same."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url.host))
        granted = {"access_token": "a", **page("a", token="t")}
        return httpx.Response(200, json=granted)

    auth = ClientCredentials("http://idp.test/token", "id", SECRET, insecure_http=True)
    http = httpx.Client(transport=httpx.MockTransport(answer), auth=auth)
    client = ChangesClient("http://people.test/", MemoryTokenStore(), http=http, insecure_http=True)
    assert len(list(client.drain())) == 1
    assert asked == ["idp.test", "people.test"]
    for url in ("ftp://idp.test/token", "//idp.test", "token"):
        with pytest.raises(ChangesMisconfigured):
            Uma(url, "id", SECRET, insecure_http=True)
    plain = TokenCommand(printing("a"))
    with (
        httpx.Client(transport=httpx.MockTransport(answer), auth=plain) as http,
        pytest.raises(ChangesMisconfigured),
    ):
        http.get("http://people.test/")
