"""What neither clients nor logs may see, and what an operator must."""

from __future__ import annotations

import logging
import re

import pytest

from tests.support.protection import MakeSite


@pytest.mark.parametrize("mode", ["oauth", "uma"])
@pytest.mark.parametrize("fault", ["", "500", "garbage"])
def test_neither_bodies_nor_logs_hold_secrets(
    make_site: MakeSite, caplog: pytest.LogCaptureFixture, mode: str, fault: str
) -> None:
    caplog.set_level(logging.DEBUG)
    site = make_site(mode)
    token = site.server.issue()
    if fault:
        site.server.faults["*"] = fault
    bodies = [
        site.get(t).data.decode() for t in (None, token, "unknown-token", "bad,token", "x" * 9000)
    ]
    pats = [t for t, claims in site.server.tokens.items() if claims["client_id"] == "rs"]
    hidden = [token, "unknown-token", "bad,token", "x" * 100, "rs-secret", "AS-SECRET-TEXT", *pats]
    for secret in [*hidden, *site.server.tickets]:
        assert secret not in caplog.text
        assert not [body for body in bodies if secret in body]


def test_the_log_names_endpoint_and_cause(
    make_site: MakeSite, caplog: pytest.LogCaptureFixture
) -> None:
    site = make_site("oauth")
    site.server.faults["introspect"] = "500"
    site.get("token")
    assert f"{site.server.url}/introspect: status 500" in caplog.text
    site.server.stop()
    site.get("other")
    # which one depends on whether the connection of before is seen to be closed
    assert re.search(f"{site.server.url}/introspect: (Connect|Read)Error", caplog.text)
