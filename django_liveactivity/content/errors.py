"""Pydantic's validation errors, in the words and paths of this package."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from django_liveactivity.exceptions import FieldError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails

_RULE = "liveactivity_rule"

# By pydantic's error type: https://docs.pydantic.dev/latest/errors/validation_errors/
_MESSAGES = {
    "bool_type": "give True or False",
    "extra_forbidden": "is not a field here; leave it out",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "int_type": "give a whole number as an int",
    "is_instance_of": "give a list",
    "less_than_equal": "must be {le} or less",
    "literal_error": "give one of {expected}",
    "missing": "is required; give it a value",
    "model_type": "give {class_name} or a mapping of its fields",
    "sequence_str": "give a list of strings, not one string",
    "string_too_long": "give at most {max_length} characters",
    "string_too_short": "must not be empty",
    "string_type": "give a string",
    "string_unicode": "contains an unpaired surrogate, which is not text; remove it",
    "too_long": "give at most {max_length} entries",
    "too_short": "give at least {min_length} entry, or leave it out",
}

_AT_AN_END = "belongs to the call that ends the card: as dismiss_after, or in content as a dict"
# Fields of the vendor's bodies that have another place here.
_ELSEWHERE = {
    "auto_dismiss_minutes": _AT_AN_END,
    "auto_dismiss_seconds": _AT_AN_END,
    "content_state": "is called content here; give it as content",
    "target": "give its channels as channels",
}


def rule(message: str, *path: str | int) -> PydanticCustomError:
    """Return the error for a validator to raise; *path* starts at the validated value."""
    return PydanticCustomError(_RULE, "{message}", {"message": message, "path": path})


@contextmanager
def translated() -> Iterator[None]:
    """Turn pydantic's ValidationError into InvalidInputError."""
    try:
        yield
    except ValidationError as error:
        # Without the inputs: an error message is logged, what it refused need not be.
        details = error.errors(include_url=False, include_input=False)
        raise InvalidInputError(*map(_field_error, details)) from None


def _field_error(details: ErrorDetails) -> FieldError:
    context: dict[str, Any] = details.get("ctx", {})
    path = ".".join(str(part) for part in (*details["loc"], *context.get("path", ())))
    if details["type"] == _RULE:
        return FieldError(path, context["message"])
    if details["type"] == "extra_forbidden" and path in _ELSEWHERE:
        return FieldError(path, _ELSEWHERE[path])
    template = _MESSAGES.get(details["type"], details["msg"].replace("{", "{{").replace("}", "}}"))
    return FieldError(path, template.format(**context))
