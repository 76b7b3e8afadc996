"""The models of content described: as JSON Schema for an API, as a list of fields for a form."""

import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic.json_schema import models_json_schema

from .cards import CONTENT_TYPES, MOST_METRICS, Content, Options
from .encoding import UNSET, Schema, either, has
from .endpoints import DISMISSAL_UNITS, ENDPOINTS, Endpoint, takes_secondary_action
from .fields import Color, Model
from .parsing import LONGEST_DISMISSAL

_LIMITS = {"ge": "least", "gt": "above", "le": "most", "max_length": "longest"}
"""How pydantic's metadata names a limit, and how an outline does."""


_COLORS = get_args(Color)
CONTENT_NAMES = (*(each.__name__ for each in CONTENT_TYPES.values()), Content.__name__)
"""The schemas of content: of the seven types, and of content without a type."""


class FieldKind(Enum):
    """The kind of value that a field holds."""

    TEXT = auto()
    TEXTS = auto()
    NUMBER = auto()
    WHOLE_NUMBER = auto()
    TEXT_OR_NUMBER = auto()
    BOOLEAN = auto()
    CHOICE = auto()
    CHOICES = auto()
    OBJECT = auto()
    """A JSON object with members of any name."""


_KINDS = {
    frozenset({str}): FieldKind.TEXT,
    frozenset({int}): FieldKind.WHOLE_NUMBER,
    frozenset({int, float}): FieldKind.NUMBER,
    frozenset({str, int, float}): FieldKind.TEXT_OR_NUMBER,
    frozenset({bool}): FieldKind.BOOLEAN,
}
_IN_LISTS = {FieldKind.TEXT: FieldKind.TEXTS, FieldKind.CHOICE: FieldKind.CHOICES}


@dataclass(frozen=True, slots=True)
class FieldOutline:
    """One field of content or of the options beside it.

    Attributes:
        path: dotted, as an error names it: ``icon.symbol``, ``metrics.0.label``.
        kind: what it holds.
        required: whether the object that it belongs to is incomplete without.
        choices: the texts that it takes, if its kind is ``CHOICE`` or ``CHOICES``.
        least: a number may not be below it.
        above: a number must be above it.
        most: a number may not be above it.
        longest: characters that a text, or each of several, may have.
    """

    path: str
    kind: FieldKind
    required: bool
    choices: tuple[str, ...] = ()
    least: float | None = None
    above: float | None = None
    most: float | None = None
    longest: int | None = None

    @property
    def group(self) -> str:
        """The path of the object that it belongs to, "" for the content itself."""
        return self.path.rpartition(".")[0]

    @property
    def general_path(self) -> str:
        """The path without the numbers of rows: ``metrics.label``."""
        return ".".join(part for part in self.path.split(".") if not part.isdecimal())


def content_outline(endpoint: Endpoint, content_type: str = "") -> list[FieldOutline]:
    """Return the content fields that a call takes for a type, without ``type`` itself.

    Args:
        endpoint: the call.
        content_type: one of the seven types, or "" for what every card can show.
    """
    model = CONTENT_TYPES[content_type] if content_type else Content
    return list(_outline(model, leave_out={"type", *ENDPOINTS[endpoint].left_out}))


def option_outline(endpoint: Endpoint, content_type: str = "") -> list[FieldOutline]:
    """Return the fields that a call takes beside content of a type."""
    refused = Options.model_fields.keys() - ENDPOINTS[endpoint].options
    if not takes_secondary_action(content_type or None):
        refused |= {"secondary_action"}
    return list(_outline(Options, leave_out=refused))


def _outline(
    model: type[Model], prefix: str = "", leave_out: Iterable[str] = ()
) -> Iterator[FieldOutline]:
    for name, field in model.model_fields.items():
        if name not in leave_out:
            limits = dict(_limits([field.annotation, *field.metadata]))
            yield from _field(f"{prefix}{name}", field.annotation, field.is_required(), limits)


def _field(
    path: str, annotation: object, required: bool, limits: Mapping[str, float]
) -> Iterator[FieldOutline]:
    kept = _bare(annotation)
    if isinstance(kept, type) and issubclass(kept, Model):
        yield from _outline(kept, f"{path}.")
    elif (row := _row(kept)) is not None:
        for index in range(MOST_METRICS):
            yield from _outline(row, f"{path}.{index}.")
    else:
        kind, choices = _kind(kept)
        yield FieldOutline(path, kind, required, choices, **limits)  # type: ignore[arg-type]


def _kind(annotation: object) -> tuple[FieldKind, tuple[str, ...]]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return FieldKind.CHOICE, arguments
    if _is_list(origin):
        kind, choices = _kind(_bare(arguments[0]))
        return _IN_LISTS[kind], choices
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return FieldKind.OBJECT, ()
    members = arguments if _is_union(origin) else (annotation,)
    return _KINDS[frozenset(members)], ()


def _row(annotation: object) -> type[Model] | None:
    """Return the model of a list's items, None if it is no list of models."""
    item = _bare(get_args(annotation)[0]) if _is_list(get_origin(annotation)) else None
    return item if isinstance(item, type) and issubclass(item, Model) else None


def _bare(annotation: object) -> object:
    """Return an annotation without its metadata, and without None."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _bare(arguments[0])
    members = [each for each in arguments if each is not type(None)]
    return _bare(members[0]) if _is_union(origin) and len(members) == 1 else annotation


def _limits(annotations: Iterable[object]) -> Iterator[tuple[str, float]]:
    """Yield the limits in metadata; of several on one field the last one is the field's own."""
    for each in annotations:
        yield from _limits(get_args(each) if get_origin(each) is not Literal else ())
        yield from _limits(getattr(each, "metadata", ()))
        for theirs, ours in _LIMITS.items():
            if isinstance(limit := getattr(each, theirs, None), int | float):
                yield ours, limit


def _is_union(origin: object) -> bool:
    return origin in (Union, types.UnionType)


def _is_list(origin: object) -> bool:
    return isinstance(origin, type) and issubclass(origin, Sequence)


def end_schemas(reference: str) -> dict[str, Schema]:
    """Return the schema of every object in the content and the options of an end, by its name.

    Content matches exactly one of the schemas in ``CONTENT_NAMES``. They leave out the sizes in
    bytes, that ``current_step`` is at most ``number_of_steps``, and what is nested in an action's
    body: client generators do not read a schema that contains itself.

    Args:
        reference: the address of a schema, with ``{model}`` for its name.
    """
    models: list[type[Model]] = [*CONTENT_TYPES.values(), Content, Options]
    _, made = models_json_schema([(each, "validation") for each in models], ref_template=reference)
    color = {"$ref": reference.format(model="Color")}
    schemas: dict[str, Schema] = {n: _terse(each, color) for n, each in made["$defs"].items()}
    schemas["Color"] = {"type": "string", "enum": list(_COLORS), "description": "An accent color."}
    for name in CONTENT_NAMES:
        schemas[name]["properties"] |= {n: _dismissal(unit) for n, unit in DISMISSAL_UNITS.items()}
    _tell_types_apart(schemas)
    return schemas


def _tell_types_apart(schemas: dict[str, Schema]) -> None:
    """Require what makes parse_content choose this type for content without one."""
    schemas["Content"]["properties"]["type"] = UNSET
    schemas["Stats"]["properties"]["type"] = {"const": "stats", "type": "string"}
    schemas["Stats"]["required"] = ["type", *schemas["Stats"]["required"]]
    own = ("duration_seconds", "counts_down", "is_running")
    schemas["Timer"] |= either(has("type", type={"const": "timer"}), *map(has, own))


def _dismissal(unit: tuple[str, timedelta]) -> Schema:
    most = LONGEST_DISMISSAL // unit[1]
    return {
        "anyOf": [{"type": "integer", "minimum": 0, "maximum": most}, UNSET],
        "description": f"Whole {unit[0]} that the ended card stays; dismiss_after in other words.",
    }


def _terse(schema: Schema, color: Schema) -> Schema:
    """Return a schema without what pydantic adds from Python: titles, defaults and ``Args``."""
    if schema.get("enum") == list(_COLORS):
        return color
    kept = {name: part for name, part in schema.items() if name not in ("title", "default")}
    if "description" in kept:
        kept["description"] = kept["description"].partition("\n\n")[0]
    if "properties" in kept:
        kept["properties"] = {n: _terse(part, color) for n, part in kept["properties"].items()}
    if "anyOf" in kept:
        kept["anyOf"] = [_terse(part, color) for part in kept["anyOf"]]
    if "items" in kept:
        kept["items"] = _terse(kept["items"], color)
    return kept
