"""A client that asks several applications in turn, as a proxy in front of them makes it do."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

import httpx
from flask import Flask


class AppsInTurn(httpx.BaseTransport):
    """Gives each request to the next application; keeps the numbers of the answers."""

    def __init__(self, apps: Sequence[Flask]) -> None:
        self._apps = cycle([httpx.WSGITransport(app=app) for app in apps])
        self.answers: list[int] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Ask the next one."""
        response = next(self._apps).handle_request(request)
        self.answers.append(response.status_code)
        return response
