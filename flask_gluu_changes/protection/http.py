"""Every call to the authorization server: pooled, bounded in time and size, JSON in and out.

While the server is down calls fail at once, so that requests do not queue for time-outs.
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpcore
from authlib.oauth2 import OAuth2Error

from .. import forks
from ..errors import ConfigurationError, cause_of
from ..observe.meter import Meter
from ..settings.fields import PREFIX
from .caching import Clock, Passing
from .network import BoundedBackend

log = logging.getLogger(__name__)

RETRY_AFTER = 5
"""Seconds after which a client may try again while the authorization server is down."""

FAILURE_THRESHOLD = 5
"""So many failures in a row open the circuit breaker."""

PROBE_SECONDS = 5.0
"""Time between two probes while it is open."""

MAX_CONNECTIONS = 32
"""To the authorization server, of one process."""

MAX_BYTES = 1_000_000
"""An answer larger than this is no metadata, no key set and no introspection."""


FAILURES = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    OSError,
    ValueError,
)
"""What a call may end with: no connection, no answer, one that is no HTTP, a URL that is none."""


class AuthorizationServerUnavailable(OAuth2Error):  # type: ignore[misc]
    """Nobody can say whether a token is good: the request is refused, with 503 for a bearer token.

    The log holds the endpoint and the cause; a client reads neither.
    """

    error = "temporarily_unavailable"
    description = "The authorization server cannot be asked at the moment."
    status_code = 503


class AuthorizationServerNotAsked(AuthorizationServerUnavailable, Passing):
    """Nothing was sent: it failed too often a moment ago, or all connections are in use."""


@dataclass(frozen=True)
class Answer:
    """A status, the JSON of the body, None where there was none, and the header `Date`."""

    status: int
    json: Any
    date: str = ""

    @property
    def object(self) -> Mapping[str, Any]:
        """The JSON object of the body; empty where the body is anything else."""
        return self.json if isinstance(self.json, dict) else {}


Request: TypeAlias = tuple[Mapping[str, str], str | None]
"""The headers and the content of a request."""

Control: TypeAlias = Callable[[], Request]
"""Makes the request that tells whether the server fails, or only at what somebody has sent."""


class HttpClient:
    """One connection pool a process, made at its first call, so after the fork.

    No redirect is followed, and no proxy is taken from the environment: a token goes to its
    endpoint and nowhere else.

    Args:
        connect_seconds: The longest wait for a connection, and for a place among the connections.
        read_seconds: The longest wait for the whole answer.
        ca_file: PEM file of the authorities to trust; empty: the system's.
        clock: Measures the waits and the time between probes.

    Attributes:
        meter: Is told whether the server answers.
    """

    def __init__(
        self, *, connect_seconds: float, read_seconds: float, ca_file: str, clock: Clock
    ) -> None:
        self._timeouts = {
            "pool": connect_seconds,
            "connect": connect_seconds,
            "write": read_seconds,
            "read": read_seconds,
        }
        self._tls = _tls_context(ca_file)
        self._clock = clock
        self._breaker = CircuitBreaker(clock)
        self._lock = forks.new_lock()
        self._connections: httpcore.ConnectionPool | None = None
        self.meter = Meter()
        forks.in_child(self, HttpClient._forget_inherited)

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: str | None = None,
        *,
        control: Control | None = None,
    ) -> Answer:
        """Make one call and return the answer.

        Args:
            method: The method.
            url: The endpoint.
            headers: The headers besides those of every call.
            content: The body.
            control: Where the call holds what anybody may have sent: makes the same one without
                that. Only if this fails too is it the server that fails.

        Raises:
            AuthorizationServerUnavailable: The server did not answer, or with status 500 or above.
        """
        if not self._breaker.allow_request():
            raise AuthorizationServerNotAsked
        try:
            answer = self._attempt(method, url, (headers, content))
        except AuthorizationServerNotAsked:
            raise
        except AuthorizationServerUnavailable:
            self.meter.server_answers(False)
            self._note_failure(method, url, control)
            raise
        self._succeeded()
        return answer

    def connections(self) -> tuple[int, int]:
        """Return how many connections of this process are idle, and in use."""
        pool = self._connections
        idle = [one.is_idle() for one in pool.connections] if pool else []
        return sum(idle), len(idle) - sum(idle)

    def close(self) -> None:
        """Close the connections of this process."""
        with self._lock:
            if self._connections:
                self._connections.close()
            self._connections = None

    def _forget_inherited(self) -> None:
        self._connections = None  # its sockets are the parent's

    def _note_failure(self, method: str, url: str, control: Control | None) -> None:
        """Count a failure, unless the server answers the call without what anybody has sent."""
        if control is None:
            self._count_failures(1)
        elif self._breaker.doubted():
            try:
                self._attempt(method, url, control())
            except AuthorizationServerUnavailable:
                self._count_failures(FAILURE_THRESHOLD)
            else:
                self._succeeded()

    def _succeeded(self) -> None:
        self._breaker.succeeded()
        self.meter.server_answers(True)

    def _count_failures(self, times: int) -> None:
        if self._breaker.failed(times):
            log.error(
                "The authorization server failed %d times in a row; failing fast",
                FAILURE_THRESHOLD,
            )

    def _attempt(self, method: str, url: str, request: Request) -> Answer:
        """Make a call, whatever the breaker says."""
        try:
            answer = self._exchange(method, url, request)
        except httpcore.PoolTimeout as error:
            log.warning("All connections to the authorization server are in use")
            raise AuthorizationServerNotAsked from error
        except FAILURES as error:
            raise _failure(method, url, _explained(error)) from error
        if answer.status >= 500:
            raise _failure(method, url, f"status {answer.status}")
        return answer

    def _exchange(self, method: str, url: str, request: Request) -> Answer:
        headers, content = request
        # No compression, or a small answer could unpack to more memory than there is.
        wanted = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
        body = content.encode() if content is not None else None
        extensions = {"timeout": self._timeouts}
        with self._pool().stream(
            method, url, headers=[*wanted.items()], content=body, extensions=extensions
        ) as response:
            return Answer(response.status, _parse_json(_read(response)), _date(response))

    def _pool(self) -> httpcore.ConnectionPool:
        """Return this process's pool."""
        with self._lock:
            if self._connections is None:
                self._connections = httpcore.ConnectionPool(
                    ssl_context=self._tls,
                    max_connections=MAX_CONNECTIONS,
                    max_keepalive_connections=8,
                    keepalive_expiry=5.0,
                    network_backend=BoundedBackend(self._clock),
                )
            return self._connections


class CircuitBreaker:
    """Counts failures in a row; from the fifth on, lets one call through every five seconds.

    The libraries for it do not fit: pybreaker allows one call at a time, circuitbreaker and
    purgatory take no lock and allow any number of probes; none of them can be given a clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = forks.new_lock()
        self._failures = 0
        self._doubts = 0
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
            self._failures = self._doubts = 0

    def failed(self, times: int = 1) -> bool:
        """Note a failure, or several in a row; return True when this opened the breaker."""
        with self._lock:
            before, self._failures = self._failures, self._failures + times
            self._next_probe = self._clock.elapsed() + PROBE_SECONDS
            return before < FAILURE_THRESHOLD <= self._failures

    def doubted(self) -> bool:
        """Note a failure that a client may be the reason of; return whether to find that out."""
        with self._lock:
            self._doubts += 1
            if self._failures + self._doubts < FAILURE_THRESHOLD:
                return False
            self._doubts = 0  # one thread finds out
            return True


def _explained(error: Exception) -> str:
    cause = cause_of(error)
    is_distrust = "certificate is not trusted" in cause
    return f"{cause}; {PREFIX}ISSUER_CA_FILE names those to trust" if is_distrust else cause


def _failure(method: str, url: str, cause: str) -> AuthorizationServerUnavailable:
    """Log a failure and return the exception to raise."""
    log.warning("The authorization server failed at %s %s: %s", method, url, cause)
    return AuthorizationServerUnavailable()


def _read(response: httpcore.Response) -> bytes:
    body = b""
    for chunk in response.iter_stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise ValueError("the body is too large")
    return body


def _date(response: httpcore.Response) -> str:
    headers = {name.lower(): value for name, value in response.headers}
    return headers.get(b"date", b"").decode("latin-1")


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
