"""The models as a flat list of fields, for whoever asks for content one field at a time.

A form has a field for each, named by its path; a test can walk them and miss none.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Annotated, Literal, Union, get_args, get_origin

from .cards import CONTENT_TYPES, MOST_METRICS, Content, Options
from .endpoints import ENDPOINTS, Endpoint, takes_secondary_action
from .validation import Model

_LIMITS = {"ge": "least", "gt": "above", "le": "most", "max_length": "longest"}
"""How pydantic's metadata names a limit, and how an outline does."""


class FieldKind(Enum):
    """What a field holds."""

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
    """One field of content, or of what travels beside it.

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
