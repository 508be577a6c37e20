"""What stands before every request of the blueprint, and how a host puts its own there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, ParamSpec, TypeAlias, TypeVar

from flask import Flask, request

Schemes: TypeAlias = dict[str, dict[str, Any]]
Requirement: TypeAlias = list[dict[str, list[str]]]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Refusal:
    """An answer of a guard as documents describe it; its body is a SCIM error.

    headers: names to what they say.
    """

    description: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Guard(ABC):
    """Decides about the current request. Implement it to protect the operation in your own way.

    One instance serves every thread, and holds no connection before the first request.
    """

    @abstractmethod
    def check(self, scopes: Iterable[str] | None = None) -> None:
        """Let the request pass, or raise werkzeug's HTTPException.

        scopes: what the route needs; None: what is configured. Raise
        `HTTPException(response=…)` without a code, so that no error handler rewrites the answer.
        """

    def caller(self) -> str:
        """Tell clients apart, so that their walks do not mix; called after `check`."""
        return request.remote_addr or ""

    def register(self, app: Flask, paths: Iterable[str]) -> None:
        """Add to an application what clients may read without being checked; by default nothing.

        paths: those of the protected operations.
        """

    def security_schemes(self, version: str) -> tuple[Schemes, Requirement]:
        """Describe the protection for a document of version 2.0 (Swagger) or 3.x (OpenAPI)."""
        return {}, []

    def refusals(self) -> Mapping[int, Refusal]:
        """Describe the answers of `check`, by status; those that are no SCIM error are left out."""
        return {}

    def close(self) -> None:
        """Give back what is held open."""

    def require(self, *scopes: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Protect a host's own view; without scopes it needs those that are configured.

        Below `@app.route` and above decorators that read the request.
        """

        def decorate(view: Callable[P, R]) -> Callable[P, R]:
            @wraps(view)
            def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
                self.check(scopes or None)
                return view(*args, **kwargs)

            return guarded

        return decorate
