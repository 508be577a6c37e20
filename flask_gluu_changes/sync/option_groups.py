"""Groups of options that a command gets as one argument each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import wraps
from typing import Any

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def option_group(name: str, kind: type[Any], options: Sequence[Decorator]) -> Decorator:
    """Return what gives a command options, whose values it gets as one dataclass.

    Args:
        name: The argument of the command.
        kind: The dataclass, which has a field for each option.
        options: Decorators of click.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def wrapped(**given: Any) -> Any:
            own = {field.name: given.pop(field.name) for field in fields(kind)}
            return command(**{name: kind(**own)}, **given)

        decorated: Callable[..., Any] = wrapped
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate
