"""The interface of what checks every request of the blueprint; a host may put its own there."""

from __future__ import annotations

import ipaddress
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeAlias, TypeVar

from flask import Flask, has_request_context, request

from ..errors import ConfigurationError
from ..model import Finding
from ..observe.meter import Meter

Schemes: TypeAlias = dict[str, dict[str, Any]]
"""Security schemes by name, as OpenAPI and Swagger write them."""

Requirement: TypeAlias = list[dict[str, list[str]]]
"""A security requirement, as OpenAPI and Swagger write it."""

SCOPE = re.compile(r"[!#-\[\]-~]+")
"""The syntax of a scope (RFC 6749, section 3.3)."""

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Refusal:
    """An answer of a guard as API documents describe it; its body is a SCIM error.

    Attributes:
        description: When the answer is given.
        headers: Descriptions of the answer's own headers, by their names.
    """

    description: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Guard(ABC):
    """Decides about the current request. Implement it to protect the operation in your own way.

    One instance serves every thread, and holds no connection before the first request.
    """

    @abstractmethod
    def check(self, scopes: Iterable[str] | None = None) -> None:
        """Let the current request pass, or raise an HTTPException that holds the answer.

        Raise `HTTPException(response=…)` without a code, so that no error handler rewrites the
        answer.

        Args:
            scopes: What the route needs; None: what is configured.

        Raises:
            werkzeug.exceptions.HTTPException: The request is refused.
        """

    def caller(self) -> str:
        """Return a text that tells clients apart, so that their paging sessions do not mix.

        It is called after `check`.

        Returns:
            The client's address, of IPv6 its network, unless a guard knows better.
        """
        return client_address()

    def identity(self) -> tuple[str, str]:
        """Name who asks, for the audit record of the current request.

        It is called after `check`, also where that has refused the request.

        Returns:
            The client and the subject of the token, as the authorization server names them; each
            is empty where it is not known. By default both are.
        """
        return "", ""

    def still_allowed(self) -> Callable[[], bool]:
        """Return what tells later whether the current request would still be let pass.

        It is called after `check`; what it returns is called between the parts of a long answer,
        in any thread and without a request context.

        Returns:
            A function without arguments; by default it says yes, always.
        """
        return lambda: True

    def register(self, app: Flask, paths: Iterable[str]) -> None:
        """Add to an application what clients may read without being checked; by default nothing.

        Args:
            app: The application that serves the blueprint.
            paths: The URL paths of the protected operations.
        """

    def security_schemes(self, version: str) -> tuple[Schemes, Requirement]:
        """Describe the protection for an API document; by default there is none.

        Args:
            version: 2.0 for Swagger, 3.x for OpenAPI.

        Returns:
            The security schemes by name, and the requirement that names the active ones.
        """
        return {}, []

    def refusals(self) -> Mapping[int, Refusal]:
        """Describe the answers of `check` for an API document; by default there are none.

        Returns:
            Refusals by HTTP status; answers whose body is no SCIM error are left out.
        """
        return {}

    def examine(self) -> Iterable[Finding]:
        """Examine what the guard depends on, for `flask gluu-changes doctor`; by default nothing.

        Returns:
            Findings, made as they are asked for.
        """
        return ()

    def count_with(self, meter: Meter) -> None:
        """Have somebody told what is counted; by default nothing is.

        Args:
            meter: Is told from any thread.
        """

    def connections(self) -> Mapping[str, tuple[int, int]]:
        """Return how many connections this process has to what decides, for its metrics.

        Returns:
            Idle ones and those in use, by the name of their pool. By default there is no pool.
        """
        return {}

    def close(self) -> None:
        """Release the connections and files that are held open."""

    def require(self, *scopes: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Protect a host's own view, as a decorator.

        Write it below `@app.route` and above decorators that read the request.

        Args:
            scopes: What the view needs; none: what is configured.

        Returns:
            A decorator for a view function.

        Raises:
            ConfigurationError: One of them is no scope.
        """
        needed = required_scopes(scopes) if scopes else None

        def decorate(view: Callable[P, R]) -> Callable[P, R]:
            @wraps(view)
            def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
                self.check(needed)
                return view(*args, **kwargs)

            return guarded

        return decorate


def required_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes that a route names.

    Raises:
        ConfigurationError: There is none, or one that is no scope: every token would have it.
    """
    named = (scopes,) if isinstance(scopes, str) else tuple(scopes)
    if not named or not all(SCOPE.fullmatch(scope) for scope in named):
        raise ConfigurationError(
            f"a route needs {named!r}, which is no list of scopes: name each by a text without"
            " blanks, or leave them out for those that are configured"
        )
    return named


def client_address() -> str:
    """Return the address that a request came from; of IPv6 the network, which is one client's."""
    address = (request.remote_addr or "") if has_request_context() else ""
    return _network(address) if ":" in address else address


@lru_cache(maxsize=1024)
def _network(address: str) -> str:
    try:
        found = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    if found.ipv4_mapped:  # a server that listens on [::] writes IPv4 so
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(found), 64), strict=False))
