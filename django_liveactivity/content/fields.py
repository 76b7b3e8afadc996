"""The fields of content: the values that they hold, the base model, and the texts of errors.

Values are checked strictly: True is no number, and "5" is not 5.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import ErrorDetails, core_schema

from django_liveactivity.exceptions import FieldError, InvalidInputError
from django_liveactivity.printable import shortened

from . import encoding
from .encoding import JSONObject, JSONValue, RuleError, Schema

Item = TypeVar("Item")
MOST_METADATA = 50
LONGEST_KEY = 100
LONGEST_METADATUM = 4000

Color = Literal[
    "lime", "green", "cyan", "blue", "purple", "magenta", "red", "orange", "yellow", "gray"
]
"""The vendor's accent colors (LiveActivityColor in its API description)."""

TypeName = Literal["segmented_progress", "progress", "metrics", "stats", "alert", "timer", "value"]


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


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Sized:
    """The length of a list, checked before its items: thousands cost one error."""

    least: int
    most: float = math.inf

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        most = {} if self.most == math.inf else {"maxItems": self.most}
        return {**handler(schema), "minItems": self.least, **most}

    def _check(self, value: object) -> object:
        if isinstance(value, list | tuple) and len(value) > self.most:
            raise RuleError(f"give at most {self.most} entries")
        if isinstance(value, list | tuple) and len(value) < self.least:
            raise RuleError(f"give at least {self.least} entry")
        return value


def _text_or_number(value: object) -> str | int | float:
    if isinstance(value, str):
        return encoding.check_text(value)
    return encoding.check_number(value, expected="a string or a number")


def _measurement(value: object) -> str | int | float:
    checked = _text_or_number(value)
    if isinstance(checked, str):
        if not 1 <= len(checked) <= 64:
            raise RuleError("give a string of 1 to 64 characters, or a number")
    elif checked < 0:
        raise RuleError("must be 0 or more; give a string to show a negative number")
    return checked


def _json_object(value: object) -> JSONValue:
    if not isinstance(value, Mapping):
        raise RuleError("give a mapping; it is sent as a JSON object")
    return encoding.check_json(value)


def _metadata(value: object) -> dict[str, str | int | float | bool]:
    if not isinstance(value, Mapping):
        raise RuleError("give a mapping of keys to strings, numbers or booleans")
    if len(value) > MOST_METADATA:
        raise RuleError(f"give at most {MOST_METADATA} entries")
    checked = {encoding.check_key(key): _metadatum(key, item) for key, item in value.items()}
    if len(encoding.encode(checked)) > encoding.METADATA_LIMIT:
        raise RuleError(f"is larger than {encoding.METADATA_LIMIT} bytes of JSON; shorten it")
    return checked


def _metadatum(key: str, value: object) -> str | int | float | bool:
    if not 1 <= len(key) <= LONGEST_KEY:
        raise RuleError(f"keys have 1 to {LONGEST_KEY} characters", key[:LONGEST_KEY])
    if value is True or value is False:
        return value
    if not isinstance(value, str):
        return encoding.check_number(value, key, expected="a string, a number or a boolean")
    if len(value) > LONGEST_METADATUM:
        raise RuleError(f"give at most {LONGEST_METADATUM} characters", key)
    return encoding.check_text(value, key)


_METADATUM: Schema = {
    "anyOf": [
        {**encoding.TEXT, "maxLength": LONGEST_METADATUM},
        encoding.NUMBER,
        {"type": "boolean"},
    ]
}
_METADATA: Schema = {
    "type": "object",
    "maxProperties": MOST_METADATA,
    "propertyNames": {**encoding.FILLED_TEXT, "maxLength": LONGEST_KEY},
    "additionalProperties": _METADATUM,
}
_JSON_OBJECT: Schema = {
    "type": "object",
    "propertyNames": encoding.TEXT,
    "additionalProperties": {
        "anyOf": [
            encoding.TEXT,
            encoding.NUMBER,
            {"type": "boolean"},
            encoding.UNSET,
            {"type": "array", "items": {}},
            {"type": "object"},
        ]
    },
}

Text = Annotated[str, AfterValidator(encoding.check_text), WithJsonSchema(encoding.TEXT)]
# Lengths come first: pydantic words its message for strings only there.
FilledText = Annotated[
    str,
    Field(min_length=1),
    AfterValidator(encoding.check_text),
    WithJsonSchema(encoding.FILLED_TEXT),
]
Tag = Annotated[
    str,
    Field(min_length=1, max_length=64),
    AfterValidator(encoding.check_text),
    WithJsonSchema({**encoding.FILLED_TEXT, "maxLength": 64}),
]
Number = Annotated[
    int | float, PlainValidator(encoding.check_number), WithJsonSchema(encoding.NUMBER)
]
Percentage = Annotated[
    Number, Field(ge=0, le=100), WithJsonSchema({**encoding.NUMBER, "minimum": 0, "maximum": 100})
]
PositiveNumber = Annotated[
    Number,
    Field(gt=0),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": encoding.INTEGER_LIMIT}),
]
StepCount = Annotated[int, Field(ge=0, le=encoding.INTEGER_LIMIT)]
Readout = Annotated[
    str | int | float,
    PlainValidator(_text_or_number),
    WithJsonSchema({"anyOf": [encoding.TEXT, encoding.NUMBER]}),
]
Measurement = Annotated[
    str | int | float,
    PlainValidator(_measurement),
    WithJsonSchema(
        {"anyOf": [{**encoding.FILLED_TEXT, "maxLength": 64}, {**encoding.NUMBER, "minimum": 0}]}
    ),
]
List = Annotated[Sequence[Item], BeforeValidator(_tuple)]
JsonObject = Annotated[
    Mapping[str, object], PlainValidator(_json_object), WithJsonSchema(_JSON_OBJECT)
]
Metadata = Annotated[Mapping[str, object], PlainValidator(_metadata), WithJsonSchema(_METADATA)]


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
    size_limit: ClassVar[tuple[int, str]] = (encoding.BODY_LIMIT, "body")

    @classmethod
    def normalized(cls, fields: Mapping[str, object]) -> Any:
        """Return the fields with values that JSON has; raises InvalidInputError if too large."""
        limit, path = cls.size_limit
        return encoding.normalized(fields, limit=limit, path=path)

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
        """Return a new model; unlike pydantic's method, this one checks it."""
        return cls(**values)

    def model_copy(self, *, update: Mapping[str, object] | None = None, deep: bool = False) -> Self:
        """Return a copy; unlike pydantic's method, this one checks changes."""
        if not update:
            return super().model_copy(deep=deep)
        known = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self).model_validate(known | dict(update))

    def to_json(self) -> JSONObject:
        """Return, ready for JSON, the fields that were set; None means not set, 0 and [] do not."""
        return self.model_dump(mode="json", exclude_unset=True, exclude_none=True)
