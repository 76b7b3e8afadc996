"""Pydantic's validation errors, in the words and paths of this package."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from django_liveactivity.exceptions import FieldError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic_core import ErrorDetails

_RULE = "liveactivity_rule"
MAX_NAME = 100
"""Characters of a caller's own key that a path repeats."""

# By pydantic's error type: https://docs.pydantic.dev/latest/errors/validation_errors/
_MESSAGES = {
    "bool_type": "give True or False",
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
def translated(model: type[BaseModel]) -> Iterator[None]:
    """Turn the ValidationError of a model into InvalidInputError."""
    try:
        yield
    except ValidationError as error:
        # Without the inputs: an error message is logged, what it refused need not be.
        details = error.errors(include_url=False, include_input=False)
        raise InvalidInputError(*(_field_error(model, each) for each in details)) from None


def _field_error(model: type[BaseModel], details: ErrorDetails) -> FieldError:
    context: dict[str, Any] = details.get("ctx", {})
    path = ".".join(_short(str(part)) for part in (*details["loc"], *context.get("path", ())))
    if details["type"] == _RULE:
        return FieldError(path, context["message"])
    if details["type"] == "extra_forbidden" and path in _ELSEWHERE:
        return FieldError(path, _ELSEWHERE[path])
    if details["type"] == "extra_forbidden":
        return FieldError(path, _unknown(_model_at(model, details["loc"][:-1])))
    template = _MESSAGES.get(details["type"], details["msg"].replace("{", "{{").replace("}", "}}"))
    return FieldError(path, template.format(**context))


def _unknown(model: type[BaseModel]) -> str:
    more = "; each type has more" if model.__subclasses__() else ""
    return f"Unknown field. Known fields: {', '.join(model.model_fields)}{more}"


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"


def _model_at(model: type[BaseModel], path: Iterable[int | str]) -> type[BaseModel]:
    """Return the model that a path within *model* leads to; no field holds two kinds of them."""
    for part in path:
        if isinstance(part, str):
            model = next(_models_in(model.model_fields[part].annotation))
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
