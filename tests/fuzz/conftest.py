"""What the targets share."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from flask import Flask

from tests.support.protection import _push_request_context as _push_request_context


@pytest.fixture(scope="package", autouse=True)
def quiet() -> Iterator[None]:
    """Keep no lines of log: there are as many as examples."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="package", autouse=True)
def no_authorities() -> Iterator[None]:
    """Do not read the system's certificate authorities: it takes longer than most tests do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", os.devnull)
        yield


@pytest.fixture(scope="package")
def app() -> Flask:
    """An application, for the contexts of requests."""
    return Flask("fuzz")
