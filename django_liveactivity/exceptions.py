"""Every error that django_liveactivity raises into the caller's code.

* LiveActivityError
  + InvalidInputError            (also a ValueError)
    - ContentRequiredError
    - UnknownAccountError
  + AccountSourceError
  + UnacknowledgedEndError
"""

from typing import NamedTuple, Self

__all__ = [
    "AccountSourceError",
    "ContentRequiredError",
    "FieldError",
    "InvalidInputError",
    "LiveActivityError",
    "UnacknowledgedEndError",
    "UnknownAccountError",
]


MAX_ERRORS = 50
"""Entries that one error lists; what is beyond would only cost memory, here and in every log."""


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
            Of more than 50 the first 49 are kept; the last entry, without a path, counts the rest.

    Nothing has been written when this is raised.
    """

    def __init__(self, *errors: FieldError) -> None:
        if len(errors) > MAX_ERRORS:
            listed = errors[: MAX_ERRORS - 1]
            rest = FieldError("", f"{len(errors) - len(listed)} more errors are not listed")
            errors = (*listed, rest)
        self.errors = errors
        lines = (f"{path}: {message}" if path else message for path, message in errors)
        super().__init__("; ".join(lines) or None)

    @classmethod
    def at(cls, path: str, message: str) -> Self:
        """Return the error for a single field."""
        return cls(FieldError(path, message))


class ContentRequiredError(InvalidInputError):
    """An end needs content with a title when nothing is known of the card."""


class UnknownAccountError(InvalidInputError):
    """Neither LIVEACTIVITY nor the account source has an account of this alias."""


class AccountSourceError(LiveActivityError):
    """The account source does not answer, and the account is not known here; try again later."""


class UnacknowledgedEndError(LiveActivityError):
    """Cannot delete rows whose end is not acknowledged: end the card and wait, or give its end up.

    ``services.end_activity`` ends a card, and ``services.give_up_operation`` gives an end up. The
    sweep deletes finished rows after ``keep_finished``, 30 days by default.
    """
