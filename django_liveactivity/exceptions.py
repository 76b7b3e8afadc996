"""Every error that django_liveactivity raises into the caller's code.

* LiveActivityError
  + InvalidInputError            (also a ValueError)
    - ContentRequiredError
    - WrongDatabaseError
  + UnacknowledgedEndError
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "ContentRequiredError",
    "FieldError",
    "InvalidInputError",
    "LiveActivityError",
    "UnacknowledgedEndError",
    "WrongDatabaseError",
]


class FieldError(NamedTuple):
    """One thing wrong with one field: its dotted path and what to do about it."""

    path: str
    message: str


class LiveActivityError(Exception):
    """Something went wrong in django_liveactivity."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").splitlines()[0])


class InvalidInputError(LiveActivityError, ValueError):
    """The input cannot become a live activity.

    Args:
        errors: what is wrong, one entry per field; ``path`` is dotted, as in ``metrics.0.value``.

    Nothing has been written when this is raised.
    """

    def __init__(self, *errors: FieldError) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{path}: {message}" for path, message in errors) or None)

    @classmethod
    def at(cls, path: str, message: str) -> InvalidInputError:
        """Return the error for a single field."""
        return cls(FieldError(path, message))


class ContentRequiredError(InvalidInputError):
    """An end needs content with a title when nothing is known of the card."""


class WrongDatabaseError(InvalidInputError):
    """An account lives in one database, and this call names another."""


class UnacknowledgedEndError(LiveActivityError):
    """Rows that hold an end that the vendor has not acknowledged stay."""
