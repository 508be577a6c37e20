"""Protected applications, journals, and the audit records that they write."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.audited import records as records
from tests.support.journal_site import site as site
from tests.support.journals import close_engines as close_engines
from tests.support.journals import engine as engine
from tests.support.journals import journal as journal
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
