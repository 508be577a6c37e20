"""For how long a PAT is used, whatever its server says about it."""

from __future__ import annotations

from typing import Any

import pytest

from flask_gluu_changes.protection.credentials import (
    DEFAULT_SECONDS,
    EARLY_SECONDS,
    LONGEST_SECONDS,
    PatClient,
    _useful_seconds,
)
from flask_gluu_changes.protection.http import Answer, AuthorizationServerUnavailable
from tests.support.scripted_server import (
    ISSUER,
    ScriptedServer,
    StillClock,
    pat_client,
    protection_settings,
)


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        (300, 300 - EARLY_SECONDS),
        ("300", 300 - EARLY_SECONDS),
        (20, 10.0),
        (0, 0.0),
        (None, DEFAULT_SECONDS - EARLY_SECONDS),
        ("soon", DEFAULT_SECONDS - EARLY_SECONDS),
        (float("nan"), DEFAULT_SECONDS - EARLY_SECONDS),
        (-5, DEFAULT_SECONDS - EARLY_SECONDS),
        (float("inf"), LONGEST_SECONDS - EARLY_SECONDS),
        (10**400, LONGEST_SECONDS - EARLY_SECONDS),
        (1e300, LONGEST_SECONDS - EARLY_SECONDS),
    ],
)
def test_a_pat_is_used_for_a_while(expires_in: Any, seconds: float) -> None:
    """Neither for ever nor never, whatever number it is said to have."""
    assert _useful_seconds(expires_in) == seconds


@pytest.mark.parametrize("pat", ["a b", "a\r\nX: y", "é", "", 7, None, ["a"]])
def test_a_pat_that_fits_into_no_header_is_none(
    pat: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 6749, appendix A.12."""
    client = _client(monkeypatch, pat)
    with pytest.raises(AuthorizationServerUnavailable):
        client.get(f"{ISSUER}/resources")


def _client(monkeypatch: pytest.MonkeyPatch, pat: object) -> PatClient:
    clock, server = StillClock(), ScriptedServer(lambda _: Answer(200, {}))
    given = Answer(200, {"access_token": pat})
    monkeypatch.setattr(server, "send", lambda *_, **__: given)
    return pat_client(server, protection_settings(), clock)
