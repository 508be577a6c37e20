"""One request, as often as it takes: Retry-After is honoured, and refusals are told apart."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, cast

import httpx

from .errors import ChangesRefused, ChangesUnavailable, RunGone

log = logging.getLogger(__name__)

BUSY = {429, 502, 503, 504}
LONGEST_PAUSE = 300.0


class Asker:
    """Asks the operation.

    repetitions: after failures that may pass, with a pause of what Retry-After says (seconds), or
    of 1, 2, 4 … seconds. sleep: waits so many seconds.
    """

    def __init__(
        self, http: httpx.Client, url: str, repetitions: int, sleep: Callable[[float], object]
    ) -> None:
        self._http = http
        self._url = url
        self._repetitions = repetitions
        self._sleep = sleep

    def page(self, query: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
        """Give a page. Raises RunGone, ChangesRefused or ChangesUnavailable."""
        for attempt in range(self._repetitions + 1):
            answer = self._ask(query, headers)
            if answer is not None and answer.status_code not in BUSY:
                return _page_of(answer)
            if attempt < self._repetitions:
                self._sleep(_pause(answer, attempt))
        why = f"it answered {answer.status_code}" if answer is not None else "it cannot be reached"
        raise ChangesUnavailable(f"{self._url} is not available: {why}")

    def _ask(self, query: Mapping[str, str], headers: Mapping[str, str]) -> httpx.Response | None:
        try:
            return self._http.get(self._url, params=dict(query), headers=dict(headers))
        except httpx.TransportError as error:
            log.warning("%s cannot be reached: %s", self._url, error)
            return None


def _page_of(answer: httpx.Response) -> dict[str, Any]:
    if answer.status_code == 410:
        raise RunGone(_detail(answer))
    if answer.status_code != 200:
        raise ChangesRefused(_detail(answer), answer.status_code)
    return cast(dict[str, Any], answer.json())


def _detail(answer: httpx.Response) -> str:
    """Give the sentence of a SCIM error, or the status alone."""
    try:
        return f"{answer.status_code}: {answer.json()['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code}: {answer.reason_phrase}"


def _pause(answer: httpx.Response | None, attempt: int) -> float:
    said = answer.headers.get("Retry-After", "") if answer is not None else ""
    return min(float(said) if said.isdecimal() else 2.0**attempt, LONGEST_PAUSE)
