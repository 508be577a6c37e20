"""The job's secrets come from where others cannot see them, and mistakes are told at start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner

from flask_gluu_changes.client import ChangesMisconfigured, ClientCredentials, TokenCommand, Uma
from flask_gluu_changes.sync.credentials import authentication, checked_server
from flask_gluu_changes.sync.server_options import ServerOptions, server_options
from tests.support.authorization_server import CLIENT_KEY, AuthorizationServer

URL = "https://gluu.test/UpdatedUsers"

pytestmark = pytest.mark.timeout(60)


def options(**given: Any) -> ServerOptions:
    return ServerOptions(URL, **given)


def get(auth: httpx.Auth | None, server: AuthorizationServer) -> str:
    """Ask the authorization server, and anything else, with an authentication; who asked?"""

    def answer(request: httpx.Request) -> httpx.Response:
        if str(request.url).startswith(server.url):
            return httpx.post(request.url, content=request.read(), headers=request.headers)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return httpx.Response(200, text=server.tokens.get(token, {}).get("client_id", "nobody"))

    with httpx.Client(transport=httpx.MockTransport(answer), auth=auth) as http:
        return http.get(URL).text


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as systemd makes it, with a secret; and a key beside it."""
    folder = tmp_path_factory.mktemp("credentials")
    (folder / "client-secret").write_text("rs-secret\n")
    (folder / "key.pem").write_bytes(CLIENT_KEY.as_pem(private=True))
    (folder / "empty").write_text("\n")
    (folder / "octets").write_bytes(b"\xff\xfe")
    return folder


def test_the_secret_is_found_wherever_it_may_be(files: Path, tmp_path: Path) -> None:
    """In a file, in the environment, in systemd's folder; as a key, too, and no secret then."""
    (tmp_path / "client-key").write_bytes(CLIENT_KEY.as_pem(private=True))
    with AuthorizationServer() as server:
        assert isinstance(server, AuthorizationServer)
        who = {"token_endpoint": f"{server.url}/token", "client_id": "rs"}
        found = [
            authentication(options(**who, client_secret_file=files / "client-secret"), {}),
            authentication(options(**who, client_key=files / "key.pem"), {}),
            authentication(options(**who), {"GLUU_SYNC_CLIENT_SECRET": "rs-secret"}),
            authentication(options(**who), {"CREDENTIALS_DIRECTORY": str(files)}),
            authentication(options(**who), {"CREDENTIALS_DIRECTORY": str(tmp_path)}),
        ]
        assert [get(auth, server) for auth in found] == ["rs"] * 5
        assert get(authentication(options(), {}), server) == "nobody"


def test_an_option_counts_more_than_a_variable_and_that_more_than_systemd(files: Path) -> None:
    """So a service can be tried by hand with another secret."""
    with AuthorizationServer() as server:
        assert isinstance(server, AuthorizationServer)
        who = {"token_endpoint": f"{server.url}/token", "client_id": "rs"}
        others = {"GLUU_SYNC_CLIENT_SECRET": "wrong", "CREDENTIALS_DIRECTORY": str(files)}
        of_file = authentication(options(**who, client_secret_file=files / "client-secret"), others)
        assert get(of_file, server) == "rs"
        right = {**others, "GLUU_SYNC_CLIENT_SECRET": "rs-secret"}
        right["CREDENTIALS_DIRECTORY"] = "/nowhere"
        assert get(authentication(options(**who), right), server) == "rs"


def test_each_kind_of_authentication_can_be_chosen(files: Path) -> None:
    """Client credentials, UMA, and a command."""
    who = {"token_endpoint": "https://idp.test/token", "client_id": "rs"}
    secret = {"client_secret_file": files / "client-secret"}
    assert isinstance(authentication(options(**who, **secret, scope="a b"), {}), ClientCredentials)
    assert isinstance(authentication(options(**who, **secret, uma=True), {}), Uma)
    assert isinstance(authentication(options(token_command="echo token"), {}), TokenCommand)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"client_id": "rs"}, "--token-endpoint is missing"),
        ({"token_endpoint": "https://idp.test/"}, "--client-id is missing"),
        ({"uma": True}, "--token-endpoint is missing"),
        ({"scope": "a"}, "--token-endpoint and --client-id are missing"),
        ({"client_secret_file": "client-secret"}, "--token-endpoint and --client-id are missing"),
        ({"token_endpoint": "https://idp.test/", "client_id": "rs"}, "the client has no secret"),
        (
            {"client_secret_file": "client-secret", "client_key": "key.pem"},
            "two proofs",
        ),
        ({"client_secret_file": "empty"}, "is empty"),
        ({"client_secret_file": "octets"}, "cannot be read: it is no text"),
        ({"client_secret_file": "none"}, "cannot be read: No such file"),
        ({"client_key": "empty"}, "no JWK and no PEM key"),
        ({"uma": True, "scope": "a", "client_secret_file": "client-secret"}, "--scope has no"),
        ({"token_command": "echo a", "client_id": "rs"}, "--token-command replaces"),
        ({"token_command": "no-such-program a"}, "names no program"),
        ({"token_endpoint": "http://idp.test/", "client_id": "rs"}, "unencrypted"),
    ],
    ids=repr,
)
def test_a_mistake_is_told(files: Path, given: dict[str, Any], why: str) -> None:
    """In a sentence, with what to do; no secret is in it."""
    if {"client_secret_file", "client_key"} & given.keys() and "missing" not in why:
        given = {"token_endpoint": "https://idp.test/", "client_id": "rs", **given}
    if "unencrypted" in why:
        given = {**given, "client_secret_file": "client-secret"}
    named = {
        n: files / v if n in ("client_secret_file", "client_key") else v for n, v in given.items()
    }
    with pytest.raises(ChangesMisconfigured, match=why) as caught:
        authentication(options(**named), {})
    assert "rs-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://gluu.test/", "--insecure-http"),
        ("ftp://gluu.test/", "https"),
        ("gluu.test/UpdatedUsers", "https"),
        ("https://user:s3cret@gluu.test/", "a password"),
        ("https:///UpdatedUsers", "no host"),
        ("https://a:b:c/", "no URL"),
    ],
)
def test_a_url_that_gives_people_away_is_refused(url: str, why: str) -> None:
    """Also where no token is needed: the answers are what others must not read."""
    with pytest.raises(ChangesMisconfigured, match=why) as caught:
        checked_server(ServerOptions(url))
    assert "s3cret" not in str(caught.value)
    if url.startswith("ftp"):
        assert "--insecure-http" not in str(caught.value)


def test_plain_http_is_for_this_machine_or_for_who_wants_it() -> None:
    """Nothing else is changed by the word."""
    checked_server(ServerOptions("http://127.0.0.1:8000/"))
    checked_server(ServerOptions("http://gluu.test/", insecure_http=True))
    with pytest.raises(ChangesMisconfigured):
        checked_server(ServerOptions("ftp://gluu.test/", insecure_http=True))


@click.command()
@server_options
@click.option("--more")
def command(server: ServerOptions, more: str | None) -> None:
    """Print what it was given."""
    click.echo(f"{server!r} {more}")


def test_the_options_reach_a_command_as_one() -> None:
    """With those of its own, and with what the environment says."""
    variables = {"GLUU_SYNC_URL": URL, "GLUU_SYNC_CLIENT_ID": "rs"}
    run = CliRunner().invoke(command, ["--more", "x", "--full-every", "12h"], env=variables)
    assert run.output == f"{options(client_id='rs', full_every=43200.0)!r} x\n"


@pytest.mark.parametrize("time", ["", "x", "1y", "-1", "1.5h", "٣"])
def test_what_is_no_time_is_a_mistake_in_usage(time: str) -> None:
    """Which says how to write one."""
    run = CliRunner().invoke(command, [URL, "--overlap", time])
    assert run.exit_code == 2
    assert "write 90, 30m, 12h or 7d" in run.output
