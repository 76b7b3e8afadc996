"""Small checks of JSON values; each refuses with the path of the field that is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

Check = Callable[[str, object], object]
"""Takes the path of a value and the value; raises if it breaks a rule, returns nothing of use."""


class PayloadError(ValueError):
    """The body of a call breaks a rule of the contract.

    Args:
        message: which field, and what it must be.
        error: the short ``error`` of the 400 that answers it.
    """

    def __init__(self, message: str, *, error: str = "Invalid payload") -> None:
        super().__init__(message)
        self.error = error


def is_number(value: object) -> bool:
    """Whether this is a JSON number; ``true`` is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def text(least: int = 0, most: int | None = None) -> Check:
    """Return a check for a string of ``least`` to ``most`` characters."""

    def check(path: str, value: object) -> None:
        if not isinstance(value, str):
            raise PayloadError(f"{path} must be a string")
        if len(value) < least:
            raise PayloadError(f"{path} must not be empty")
        if most is not None and len(value) > most:
            raise PayloadError(f"{path} must have at most {most} characters")

    return check


def number(least: float = -math.inf, most: float = math.inf, *, above: float = -math.inf) -> Check:
    """Return a check for a number from ``least`` to ``most`` that is over ``above``."""

    def check(path: str, value: object) -> None:
        if not is_number(value):
            raise PayloadError(f"{path} must be a number")
        if not (least <= value <= most and value > above):  # type: ignore[operator]
            raise PayloadError(f"{path} is out of range")

    return check


def integer(least: int) -> Check:
    """Return a check for a whole number from ``least`` on; like JSON Schema, 3.0 is one."""
    in_range = number(least)

    def check(path: str, value: object) -> None:
        in_range(path, value)
        if isinstance(value, float) and not value.is_integer():
            raise PayloadError(f"{path} must be a whole number")

    return check


def flag(path: str, value: object) -> None:
    """Check for ``true`` or ``false``."""
    if not isinstance(value, bool):
        raise PayloadError(f"{path} must be true or false")


def one_of(choices: Collection[str]) -> Check:
    """Return a check for one of these strings."""

    def check(path: str, value: object) -> None:
        if not isinstance(value, str) or value not in choices:
            raise PayloadError(f"{path} must be one of {', '.join(choices)}")

    return check


def either(*checks: Check) -> Check:
    """Return a check that one of these checks accepts."""

    def check(path: str, value: object) -> None:
        complaints = []
        for option in checks:
            try:
                option(path, value)
            except PayloadError as error:
                complaints.append(str(error))
            else:
                return
        raise PayloadError(" or ".join(complaints))

    return check


def array(item: Check, least: int = 0, most: int | None = None) -> Check:
    """Return a check for a list of ``least`` to ``most`` such items."""

    def check(path: str, value: object) -> None:
        if not isinstance(value, list):
            raise PayloadError(f"{path} must be a list")
        if len(value) < least:
            raise PayloadError(f"{path} must have at least {least} entries")
        if most is not None and len(value) > most:
            raise PayloadError(f"{path} must have at most {most} entries")
        for index, entry in enumerate(value):
            item(f"{path}.{index}", entry)

    return check


def mapping(path: str, value: object) -> dict[str, Any]:
    """Check for an object with any fields, and return it as one."""
    if not isinstance(value, dict):
        raise PayloadError(f"{path or 'the body'} must be an object")
    return value


def record(
    fields: Mapping[str, Check], required: Collection[str] = ()
) -> Callable[[str, object], dict[str, Any]]:
    """Return a check for an object with these fields and no others, that returns it as one."""

    def check(path: str, value: object) -> dict[str, Any]:
        found = mapping(path, value)
        prefix = f"{path}." if path else ""
        for name in required:
            if name not in found:
                raise PayloadError(f"{prefix}{name} is required")
        for name, entry in found.items():
            if name not in fields:
                raise PayloadError(f"{prefix}{name} is not a known field")
            fields[name](prefix + name, entry)
        return found

    return check
