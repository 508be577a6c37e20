"""Clients generated from the documents fetch and parse a page from a live server."""

from __future__ import annotations

import importlib
import subprocess
import sysconfig
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import httpx
import pytest
from flask import Flask
from werkzeug.serving import make_server

from flask_gluu_changes import AttributeType, Entry, GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend

pytestmark = pytest.mark.timeout(600)  # Java generates the clients

SINCE = datetime(2019, 12, 24, 12, 0, 3, tzinfo=timezone(timedelta(hours=-5)))
OUTSIDE = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-5)))
"""A time that clients can send and UTC cannot say."""

BASE = "/identity/restv1/scim"
BIG = 123456789012345678901234567890
TYPES = {
    "myIntegerCustomAttribute": AttributeType.NUMERIC,
    "myBigCustomAttribute": AttributeType.NUMERIC,
    "oxOTPReady": AttributeType.BOOLEAN,
}
PEOPLE: list[Entry] = [
    {
        "uid": [b"\xc3\xa5sa"],
        "inum": [b"@!2"],
        "oxCreationTimestamp": [b"20191225030000Z"],
        "active": [True, False],
        "count": [7, BIG],
        "lastSeen": [datetime(2020, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)],
    },
    {
        "uid": [b"amy"],
        "inum": [b"@!1"],
        "cn": ["Amy Ünal".encode()],
        "mail": [b"amy@example.org", b"a.unal@example.org"],
        "gluuSLAManager": [b"TRUE"],
        "oxOTPReady": [b"FALSE"],
        "myIntegerCustomAttribute": [b"-123"],
        "myBigCustomAttribute": [str(BIG).encode(), b"0"],
        "employeeNumber": [b"00123"],
        "oxLastLogonTime": [b"20191224170003Z"],
        "updatedAt": [b"20191225012729.934Z"],
        "userCertificate": [b"\x00\xff\xfe"],
        "userPassword": [b"secret"],
    },
    {"uid": [b"old"], "inum": [b"@!3"], "updatedAt": [b"20191224170002.999Z"]},
]
AMY = {
    "uid": ["amy"],
    "inum": ["@!1"],
    "cn": ["Amy Ünal"],
    "mail": ["amy@example.org", "a.unal@example.org"],
    "gluuSLAManager": [True],
    "oxOTPReady": [False],
    "myIntegerCustomAttribute": [-123],
    "myBigCustomAttribute": [BIG, 0],
    "employeeNumber": ["00123"],
    "oxLastLogonTime": ["2019-12-24T17:00:03Z"],
    "updatedAt": ["2019-12-25T01:27:29.934Z"],
    "userCertificate": ["AP/+"],
}
ASA = {
    "uid": ["åsa"],
    "inum": ["@!2"],
    "oxCreationTimestamp": ["2019-12-25T03:00:00Z"],
    "active": [True, False],
    "count": [7, BIG],
    "lastSeen": ["2020-01-02T03:04:05.678Z"],
}
LATEST = datetime(2019, 12, 25, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A live server on a free port of the loopback, reached without a proxy."""
    app = Flask(__name__)
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    GluuChanges(app, backend=MemoryBackend(PEOPLE, types=TYPES))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NO_PROXY", "127.0.0.1")
            yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _generate(program: str, document: str, folder: Path, *arguments: str) -> None:
    source = folder / document.rpartition("/")[2]
    source.write_bytes(httpx.get(document).raise_for_status().content)
    command = [f"{sysconfig.get_path('scripts')}/{program}", "generate", *arguments, source.name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _same(parsed: Any, expected: Any) -> bool:
    """Compare types as well: for Python True == 1."""
    return repr(parsed) == repr(expected) and bool(parsed == expected)


def _sorted(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [dict(sorted(entry.items())) for entry in entries]


@pytest.fixture(scope="module")
def operation(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """What openapi-python-client makes of the OpenAPI 3 document."""
    folder = tmp_path_factory.mktemp("openapi")
    document = f"{url}/identity/scim/resource_changes.openapi.json"
    options = ["--meta", "none", "--output-path", "generated_from_openapi", "--path"]
    _generate("openapi-python-client", document, folder, *options)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield importlib.import_module("generated_from_openapi.api.gluu_changes.get_updated_users")


@pytest.fixture
def openapi_client(operation: ModuleType, url: str) -> Iterator[Any]:
    """A client of the live server."""
    with operation.Client(base_url=url + BASE) as client:
        yield client


def test_openapi_python_client_parses_a_page_with_every_kind_of_value(
    operation: ModuleType, openapi_client: Any
) -> None:
    page = operation.sync(client=openapi_client, time_stamp=SINCE, start=0, pagesize=200)
    assert isinstance(page, operation.UpdatedUsersPage)
    assert (page.total, page.latest_update_at) == (2, LATEST)
    results = _sorted([entry.additional_properties for entry in page.results])
    assert _same(results, _sorted([AMY, ASA]))


def test_openapi_python_client_sends_times_that_it_parsed(
    operation: ModuleType, openapi_client: Any
) -> None:
    page = operation.sync(client=openapi_client, time_stamp=LATEST, pagesize=200)
    assert [entry["uid"] for entry in page.results] == [["åsa"]]


def test_openapi_python_client_parses_a_400_as_the_error(
    operation: ModuleType, openapi_client: Any
) -> None:
    answer = operation.sync_detailed(client=openapi_client, time_stamp=OUTSIDE, pagesize=200)
    assert answer.status_code == 400
    assert isinstance(answer.parsed, operation.ScimError)
    assert answer.parsed.status == "400"
    assert answer.parsed.schemas == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert answer.parsed.detail.startswith("timeStamp: ")


@pytest.fixture(scope="module")
def package(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """What openapi-generator makes of the Swagger 2.0 document, with its defaults."""
    folder = tmp_path_factory.mktemp("swagger")
    options = ["-g", "python", "--package-name", "generated_from_swagger", "-o", ".", "-i"]
    document = f"{url}/identity/scim/resource_changes.yaml"
    _generate("openapi-generator-cli", document, folder, *options)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield importlib.import_module("generated_from_swagger")


@pytest.fixture
def swagger_client(package: ModuleType, url: str) -> Iterator[Any]:
    """The operations on the live server."""
    with package.ApiClient(package.Configuration(host=url + BASE)) as client:
        yield package.GluuChangesApi(client)
        client.rest_client.pool_manager.clear()


def test_openapi_generators_client_parses_a_page_with_every_kind_of_value(
    package: ModuleType, swagger_client: Any
) -> None:
    page = swagger_client.get_updated_users(SINCE, 200, start=0)
    assert isinstance(page, package.UpdatedUsersPage)
    assert (page.total, page.latest_update_at) == (2, LATEST)
    assert _same(_sorted(page.results), _sorted([AMY, ASA]))


def test_openapi_generators_client_sends_times_that_it_parsed(swagger_client: Any) -> None:
    page = swagger_client.get_updated_users(LATEST, 200)
    assert [entry["uid"] for entry in page.results] == [["åsa"]]


def test_openapi_generators_client_parses_a_400_as_the_error(
    package: ModuleType, swagger_client: Any
) -> None:
    with pytest.raises(package.ApiException) as raised:
        swagger_client.get_updated_users(OUTSIDE, 200)
    assert raised.value.status == 400
    assert isinstance(raised.value.data, package.ScimError)
    assert raised.value.data.status == "400"
    assert raised.value.data.schemas == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert raised.value.data.detail.startswith("timeStamp: ")
