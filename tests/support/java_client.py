"""A SCIM client that reads the UMA challenge as Gluu's Java client does."""

from __future__ import annotations

import httpx

from .authorization_server import UMA_TICKET


def split(header: str) -> dict[str, str]:
    """Split at every comma, quotes not respected; the last `ticket=` and `as_uri=` win."""
    found = {}
    for item in (part.strip() for part in header.split(",")):
        for name in ("ticket", "as_uri"):
            if item.startswith(f"{name}="):
                found[name] = item[len(name) + 1 :]
    return found


class JavaLikeClient:
    """Asks; on 401 gets a requesting party token for the ticket, and asks once more."""

    def __init__(self, client_id: str, secret: str) -> None:
        self._auth = (client_id, secret)
        self._rpt = ""
        self.asked = 0

    def get(self, url: str) -> httpx.Response:
        response = self._ask(url)
        if response.status_code != 401:
            return response
        found = split(response.headers["WWW-Authenticate"])
        metadata = httpx.get(found["as_uri"], timeout=5).json()
        form = {"grant_type": UMA_TICKET, "ticket": found["ticket"]}
        answer = httpx.post(metadata["token_endpoint"], data=form, auth=self._auth, timeout=5)
        self._rpt = answer.json().get("access_token", "")
        return self._ask(url)

    def _ask(self, url: str) -> httpx.Response:
        self.asked += 1
        headers = {"Authorization": f"Bearer {self._rpt}"} if self._rpt else {}
        return httpx.get(url, headers=headers, timeout=5)
