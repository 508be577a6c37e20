"""Protected applications, and an authorization server in a thread."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.protection import _push_request_context as _push_request_context
from tests.support.protection import host as host
from tests.support.protection import key_file as key_file
from tests.support.protection import make_site as make_site
from tests.support.protection import server as server


@pytest.fixture(scope="package", autouse=True)
def no_authorities() -> Iterator[None]:
    """Do not read the system's certificate authorities: it takes longer than most tests do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", os.devnull)
        yield
