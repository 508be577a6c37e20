"""How settings are declared and read: a dataclass field is a `GLUU_CHANGES_*` key."""

from __future__ import annotations

import difflib
import logging
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import MISSING, Field, field, fields
from pathlib import Path
from typing import Any, Self

from ..errors import ConfigurationError
from .profiles import DEFAULT_PROFILE, PROFILES

log = logging.getLogger(__name__)

PREFIX = "GLUU_CHANGES_"

FILE = "_FILE"
"""Behind the key of a secret: the file that holds it, as containers and systemd provide them."""

BY_PROFILE: Any = MISSING
"""In place of a setting's default: each profile in `PROFILES` has its own."""


def setting(default: Any, meaning: str, read: Callable[[Any], object]) -> Any:
    """Declare a setting, for which the field's metadata hold `meaning`, `read` and `by_profile`.

    Args:
        default: The value without the key, or `BY_PROFILE`.
        meaning: What the setting is, with its unit; the documentation is made from it.
        read: Returns the value for what the application's config holds, text from the environment
            included, and raises ValueError with the end of the sentence "KEY …".
    """
    by_profile = default is BY_PROFILE
    metadata = {"meaning": meaning, "read": read, "by_profile": by_profile}
    return field(default=default, metadata=metadata)


def secret(default: Any, meaning: str, read: Callable[[Any], object]) -> Any:
    """Declare a setting that is or may hold a secret: no repr shows it, and a file may hold it.

    The arguments are those of `setting`. The error that `read` raises must not hold the value.
    """
    metadata = {"meaning": meaning, "read": read, "by_profile": False, "secret": True}
    return field(default=default, metadata=metadata, repr=False)


def key_of(declared: Field[Any]) -> str:
    """Return the key in the application's config for a declared setting."""
    return PREFIX + declared.name.upper()


def keys_of(declared: Field[Any]) -> tuple[str, ...]:
    """Return the keys by which a setting can be given: that of a file, too, for a secret."""
    key = key_of(declared)
    return (key, key + FILE) if declared.metadata.get("secret") else (key,)


class SettingsGroup:
    """The base of the dataclasses whose fields are settings."""

    @classmethod
    def load(cls, config: Mapping[str, Any]) -> Self:
        """Return the settings that an application's config and its profile hold.

        Args:
            config: The application's config, with `GLUU_CHANGES_*` keys.

        Raises:
            ConfigurationError: A value is missing or cannot be used, or two contradict each other;
                the text names the key.
        """
        profile, declared = _profile(config), fields(cls)  # type: ignore[arg-type]
        defaults = {f.name: profile[f.name] for f in declared if f.metadata.get("by_profile")}
        given = {f.name: _read(f, config) for f in declared if any(k in config for k in keys_of(f))}
        settings = cls(**{**defaults, **given})
        settings._check_loaded()
        return settings

    def _check_loaded(self) -> None:
        """Raise ConfigurationError for what no single field can tell."""


NEAR = 0.85
"""How alike a name outside the prefix is to a setting, to be taken for a misspelt one."""


def refuse_unknown(config: Collection[str], classes: Iterable[type]) -> None:
    """Raise ConfigurationError for a `GLUU_CHANGES_*` key that no settings class declares.

    Of other keys, which are the host's, those that look like one are logged.
    """
    known = [key for cls in classes for declared in fields(cls) for key in keys_of(declared)]
    for key in config:
        if key.startswith(PREFIX.rstrip("_")) and key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigurationError(f"{key} is no setting of flask-gluu-changes{hint}")
        if key not in known and (near := difflib.get_close_matches(key.upper(), known, 1, NEAR)):
            log.warning("%s is not read by flask-gluu-changes; did you mean %s?", key, near[0])
    _tell_of_environment(key for key in known if key not in config)


def _tell_of_environment(unset: Iterable[str]) -> None:
    """Log the variables that hold a setting and that the application has not taken over."""
    for key in unset:
        for variable in {key, f"FLASK_{key}"} & os.environ.keys():
            log.warning(
                "the variable %s has no effect: name it FLASK_%s, and call"
                " app.config.from_prefixed_env()",
                variable,
                key,
            )


def _profile(config: Mapping[str, Any]) -> Mapping[str, object]:
    key = f"{PREFIX}PROFILE"
    try:
        return PROFILES[choice(*PROFILES)(config.get(key, DEFAULT_PROFILE))]
    except ValueError as error:
        raise ConfigurationError(f"{key} {error}") from error


def _read(declared: Field[Any], config: Mapping[str, Any]) -> Any:
    key, *file_key = keys_of(declared)
    if file_key and file_key[0] in config:
        if key in config:
            raise ConfigurationError(f"{key} and {file_key[0]} are both set; keep one of them")
        value: Any = _content(file_key[0], config[file_key[0]])
    else:
        value = config[key]
    try:
        return declared.metadata["read"](value)
    except ValueError as error:
        raise ConfigurationError(f"{key} {error}") from error


def _content(key: str, path: object) -> str:
    """Read a secret's file: what it holds without the newline at its end."""
    try:
        content = Path(text(path)).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, ValueError) as error:  # of undecodable text, the error holds a part
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise ConfigurationError(f"{key} names a file that cannot be read: {why}") from None
    if not content:
        raise ConfigurationError(f"{key} names a file that is empty; write the secret into it")
    return content


def text(value: object) -> str:
    """Read text.

    `Config.from_prefixed_env` reads a password of digits as a number, so it is made text again.
    """
    if isinstance(value, str):
        return value
    # bool is a subclass of int
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    kind = type(value).__name__  # the value itself may be a password, and this text is logged
    raise ValueError(f"must be text, not {kind}; in the environment, quote it as JSON text")


def secrets(value: object) -> tuple[str, ...]:
    """Read a list of secrets, or text of which each line is one."""
    listed = value if isinstance(value, (list, tuple)) else text(value).splitlines()
    return tuple(found for item in listed if (found := text(item).strip()))


def choice(*names: str) -> Callable[[Any], str]:
    """Read one of a few names, in any case."""

    def read(value: object) -> str:
        name = value.lower() if isinstance(value, str) else ""
        if name not in names:
            raise ValueError(f"must be one of {', '.join(names)}, not {value!r}")
        return name

    return read


def boolean(value: object) -> bool:
    """Read true or false."""
    if isinstance(value, bool):
        return value
    try:
        return {"true": True, "1": True, "false": False, "0": False}[str(value).lower()]
    except KeyError:
        raise ValueError(f"must be true or false, not {value!r}") from None


def integer(low: int, high: int) -> Callable[[Any], int]:
    """Read a whole number between two bounds, both included."""

    def read(value: object) -> int:
        # by its text, so that neither True nor 5.0 passes as a whole number
        digits = str(value)
        if not re.fullmatch("[0-9]{1,12}", digits) or not low <= int(digits) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}, not {value!r}")
        return int(digits)

    return read


def seconds(low: float, high: float) -> Callable[[Any], float]:
    """Read a duration in seconds between two bounds, both included."""

    def read(value: object) -> float:
        try:
            number = float(str(value))
        except ValueError:
            number = -1.0
        if not low <= number <= high:  # which nan is never
            raise ValueError(f"must be a number of seconds from {low:g} to {high:g}, not {value!r}")
        return number

    return read


def share(value: object) -> float:
    """Read a share of a whole, which is 1."""
    try:
        number = float(str(value))
    except ValueError:
        number = -1.0
    if not 0.0 < number <= 1.0:  # which nan is never
        raise ValueError(f"must be a share between 0 and 1, such as 0.1, not {value!r}")
    return number


def names(value: object) -> tuple[str, ...]:
    """Read a list of names, or text with commas or blanks between them."""
    if isinstance(value, str):
        return tuple(re.split(r"[,\s]+", value.strip(", \t\n"))) if value.strip(", \t\n") else ()
    if isinstance(value, (list, tuple, set, frozenset)) and all(isinstance(v, str) for v in value):
        return tuple(name.strip() for name in value if name.strip())
    raise ValueError(f"must be a list of names, not {value!r}")


def pairs(value: object) -> tuple[tuple[str, str], ...]:
    """Read names with a name each: a mapping, or text such as `inum=id, uid=login`."""
    if isinstance(value, str):
        parts = [part.partition("=") for part in value.split(",") if part.strip()]
        found = [(name.strip(), other.strip()) for name, _, other in parts]
    elif isinstance(value, Mapping):
        found = [(str(name).strip(), str(other).strip()) for name, other in value.items()]
    else:
        raise ValueError(f"must be a mapping, or text such as inum=id, uid=login, not {value!r}")
    twice = len({name.lower() for name, _ in found}) < len(found)
    if twice or not all(map(all, found)):
        raise ValueError(f"must name each attribute once, with its column: {value!r}")
    return tuple(found)


def non_empty_names(value: object) -> tuple[str, ...]:
    """Read a list of names that must not be empty."""
    found = names(value)
    if not found:
        raise ValueError("must hold at least one name")
    return found
