"""Every call to the authorization server: pooled, bounded in time and size, JSON in and out.

While the server is down calls fail at once, so that requests do not queue for time-outs.
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from authlib.oauth2 import OAuth2Error

from .. import forks
from ..errors import ConfigurationError
from ..settings.fields import PREFIX
from .caching import Clock

log = logging.getLogger(__name__)

RETRY_AFTER = 5
"""Seconds after which a client may try again while the authorization server is down."""

FAILURE_THRESHOLD = 5
"""So many failures in a row open the circuit breaker."""

PROBE_SECONDS = 5.0
"""Time between two probes while it is open."""

MAX_BYTES = 1_000_000
"""An answer larger than this is no metadata, no key set and no introspection."""


class AuthorizationServerUnavailable(OAuth2Error):  # type: ignore[misc]
    """Nobody can say whether a token is good: the request is refused, with 503 for a bearer token.

    The log holds the endpoint and the cause; a client reads neither.
    """

    error = "temporarily_unavailable"
    description = "The authorization server cannot be asked at the moment."
    status_code = 503


@dataclass(frozen=True)
class Answer:
    """A status and the JSON of the body; None where there was none."""

    status: int
    json: Any

    @property
    def object(self) -> Mapping[str, Any]:
        """The JSON object of the body; empty where the body is anything else."""
        return self.json if isinstance(self.json, dict) else {}


class HttpClient:
    """One connection pool a process, made at its first call, so after the fork.

    No redirect is followed, and no proxy is taken from the environment: a token goes to its
    endpoint and nowhere else.

    Args:
        connect_seconds: The longest wait for a connection.
        read_seconds: The longest wait for data, and for the whole body too.
        ca_file: PEM file of the authorities to trust; empty: the system's.
        clock: Measures the waits for a body and between probes.
    """

    def __init__(
        self, *, connect_seconds: float, read_seconds: float, ca_file: str, clock: Clock
    ) -> None:
        self._timeout = httpx.Timeout(read_seconds, connect=connect_seconds, pool=connect_seconds)
        self._read_seconds = read_seconds
        self._tls = _tls_context(ca_file)
        self._clock = clock
        self._breaker = CircuitBreaker(clock)
        self._lock = forks.new_lock()
        self._client: httpx.Client | None = None
        forks.in_child(self, HttpClient._forget_inherited)

    def send(
        self, method: str, url: str, headers: Mapping[str, str], content: str | None = None
    ) -> Answer:
        """Make one call and return the answer.

        Raises:
            AuthorizationServerUnavailable: The server did not answer, or with status 500 or above.
        """
        if not self._breaker.allow_request():
            raise AuthorizationServerUnavailable
        try:
            answer = self._exchange(method, url, headers, content)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise self._failure(method, url, type(error).__name__) from error
        if answer.status >= 500:
            raise self._failure(method, url, f"status {answer.status}")
        self._breaker.succeeded()
        return answer

    def close(self) -> None:
        """Close the connections of this process."""
        with self._lock:
            if self._client:
                self._client.close()
            self._client = None

    def _forget_inherited(self) -> None:
        self._client = None  # its sockets are the parent's

    def _failure(self, method: str, url: str, cause: str) -> AuthorizationServerUnavailable:
        """Note a failure and return the exception to raise."""
        log.warning("The authorization server failed at %s %s: %s", method, url, cause)
        if self._breaker.failed():
            log.error(
                "The authorization server failed %d times in a row; failing fast",
                FAILURE_THRESHOLD,
            )
        return AuthorizationServerUnavailable()

    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], content: str | None
    ) -> Answer:
        # No compression, or a small answer could unpack to more memory than there is.
        wanted = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
        with self._pool().stream(method, url, headers=wanted, content=content) as response:
            return Answer(response.status_code, _parse_json(self._read(response)))

    def _read(self, response: httpx.Response) -> bytes:
        # httpx's read time-out begins anew with each chunk, so a slow server could go on for ever.
        deadline = self._clock.elapsed() + self._read_seconds
        body = b""
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MAX_BYTES:
                raise ValueError("the body is too large")
            if self._clock.elapsed() > deadline:
                raise httpx.ReadTimeout("the body is too slow")
        return body

    def _pool(self) -> httpx.Client:
        """Return this process's pool."""
        with self._lock:
            if self._client is None:
                self._client = httpx.Client(
                    timeout=self._timeout,
                    verify=self._tls,
                    trust_env=False,
                    follow_redirects=False,
                    limits=httpx.Limits(max_connections=32, max_keepalive_connections=8),
                )
            return self._client


class CircuitBreaker:
    """Counts failures in a row; from the fifth on, lets one call through every five seconds.

    The libraries for it do not fit: pybreaker allows one call at a time, circuitbreaker and
    purgatory take no lock and allow any number of probes; none of them can be given a clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = forks.new_lock()
        self._failures = 0
        self._next_probe = 0.0

    def allow_request(self) -> bool:
        """Return whether a call may be made. A probe that never reports only delays the next."""
        with self._lock:
            if self._failures < FAILURE_THRESHOLD:
                return True
            if self._clock.elapsed() < self._next_probe:
                return False
            self._next_probe = self._clock.elapsed() + PROBE_SECONDS
            return True

    def succeeded(self) -> None:
        """Note an answer: the server is there."""
        with self._lock:
            self._failures = 0

    def failed(self) -> bool:
        """Note a failure; return True when this one opened the breaker."""
        with self._lock:
            self._failures += 1
            self._next_probe = self._clock.elapsed() + PROBE_SECONDS
            return self._failures == FAILURE_THRESHOLD


def _tls_context(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise ConfigurationError(
            f"{PREFIX}ISSUER_CA_FILE holds no certificate that can be read: {ca_file}"
        ) from error


def _parse_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
