"""The pydantic model that content and options are built on, and its errors in our words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from django_liveactivity.exceptions import FieldError, InvalidInputError
from django_liveactivity.printable import shortened

from .encoding import BODY_LIMIT, JSONObject, RuleError, normalized

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
    context = details.get("ctx", {})
    ours = context.get("error")
    rest = ours.path if isinstance(ours, RuleError) else ()
    path = ".".join(shortened(str(part), MAX_NAME) for part in (*details["loc"], *rest))
    if isinstance(ours, RuleError):
        return FieldError(path, ours.message)
    if details["type"] == "extra_forbidden":
        message = _ELSEWHERE.get(path) or _unknown(_model_at(model, details["loc"][:-1]))
        return FieldError(path, message)
    template = _MESSAGES.get(details["type"], details["msg"].replace("{", "{{").replace("}", "}}"))
    return FieldError(path, template.format(**context))


def _unknown(model: type[BaseModel]) -> str:
    more = "; each type has more" if model.__subclasses__() else ""
    return f"Unknown field. Known fields: {', '.join(model.model_fields)}{more}"


def _model_at(model: type[BaseModel], path: Iterable[int | str]) -> type[BaseModel]:
    """Return the model that a path within *model* leads to; no field holds two kinds of them."""
    for part in path:
        if isinstance(part, str):
            model = next(_models_in(model.model_fields[part].annotation))
    return model


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


if TYPE_CHECKING:
    from pydantic import BaseModel as _TranslatingModel
else:

    class _Translating(type(BaseModel)):
        # Only the outermost constructor comes by here (pydantic-core builds nested models itself),
        # so that its InvalidInputError carries whole paths.
        def __call__(cls, /, *args, **kwargs):
            with translated(cls):
                return super().__call__(*args, **cls.normalized(kwargs))

    class _TranslatingModel(BaseModel, metaclass=_Translating):
        pass


class Model(_TranslatingModel):
    """Frozen and strict; remembers which fields the caller set, and sends no others.

    The values that Django hands out are taken as ``normalized`` gives them.

    Raises:
        InvalidInputError: from the constructor and ``model_validate``; names each field's path.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        protected_namespaces=(),
        revalidate_instances="always",  # an action's body is a dict, which may have been changed
    )
    size_limit: ClassVar[tuple[int, str]] = (BODY_LIMIT, "body")

    @classmethod
    def normalized(cls, fields: Mapping[str, object]) -> Any:
        """Return the fields with values that JSON has; raises InvalidInputError if too large."""
        limit, path = cls.size_limit
        return normalized(fields, limit=limit, path=path)

    @classmethod
    def model_validate(cls, obj: object, **kwargs: Any) -> Self:
        """Return the model of a mapping; raises InvalidInputError."""
        with translated(cls):
            fields = cls.normalized(obj) if isinstance(obj, Mapping) else obj
            return super().model_validate(fields, **kwargs)

    @classmethod
    def model_construct(  # type: ignore[override] # of the plugin, which takes no other fields
        cls, _fields_set: set[str] | None = None, **values: object
    ) -> Self:
        """Return a new model; it is checked, other than pydantic's own."""
        return cls(**values)

    def model_copy(self, *, update: Mapping[str, object] | None = None, deep: bool = False) -> Self:
        """Return a copy; one with changes is checked, other than pydantic's own."""
        if not update:
            return super().model_copy(deep=deep)
        known = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self).model_validate(known | dict(update))

    def to_json(self) -> JSONObject:
        """Return, ready for JSON, the fields that were set; None means not set, 0 and [] do not."""
        return self.model_dump(mode="json", exclude_unset=True, exclude_none=True)
