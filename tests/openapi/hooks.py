"""What schemathesis calls: it keeps generated calls to what no schema can say, and counts them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import GenerationMode

from django_liveactivity.content.endpoints import takes_secondary_action
from django_liveactivity.content.parsing import type_of

DISMISSALS = ("auto_dismiss_seconds", "auto_dismiss_minutes")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Replace what a described call has no way to know; calls that are to be refused stay."""
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    case.query = known_names(dict(case.query or {}))
    if "subject_pk" in case.query:  # parameters have no rules between them
        case.query["subject_model"] = "shop.Order"
    if isinstance(case.body, dict):
        case.query = {k: value for k, value in case.query.items() if k not in case.body}
        case.body = possible(known_names(case.body))
        content = content_of(case.body)
        if "stream_key" in case.path_parameters:
            case.path_parameters["stream_key"] = named(case.path_parameters["stream_key"], content)


def known_names(given: dict[str, Any]) -> dict[str, Any]:
    """The account, the model and the page exist: a schema does not tell which do."""
    known = {"account": "default", "subject_model": "shop.Order", "subject_pk": "7"}
    known |= {"subject": {"model": "shop.Order", "pk": "7"}}
    return {k: known.get(k, value) for k, value in given.items() if k != "cursor"}


def possible(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body that agrees with itself and with the card that it names."""
    body = whole_numbers(body)
    content = content_of(body)
    for name in {"action", "secondary_action"} & body.keys():
        if body[name].get("body"):  # what is nested there is not described
            body[name]["body"] = {k: v for k, v in body[name]["body"].items() if is_flat(v)}
    if content is None and body.keys() & {"activity_id", "dismiss_after"}:
        # Nothing is known of a card that was shown elsewhere.
        content = body["content"] = {"title": "Done"}
    if "id" in body:  # a card of another type, or one that was started by the manual lifecycle
        unlike = {"content", "content_state", "secondary_action", "alert", "dismiss_after"}
        return {name: value for name, value in body.items() if name not in unlike}
    for name in {"stream_key", "activity_id"} & body.keys():
        body[name] = named(body[name], content)
    if content is not None:
        agree(body, content)
    return body


def agree(body: dict[str, Any], content: dict[str, Any]) -> None:
    """Make content agree with itself, and what travels beside it with the content."""
    if not takes_secondary_action(type_of(content) or None):
        body.pop("secondary_action", None)
    for name in DISMISSALS if "dismiss_after" in body else DISMISSALS[:1]:
        content.pop(name, None)  # two values would contradict each other
    if isinstance(content.get("number_of_steps"), int):
        content["current_step"] = min(content["current_step"], content["number_of_steps"])


def is_flat(value: Any) -> bool:
    return not isinstance(value, dict | list)


def content_of(body: dict[str, Any]) -> dict[str, Any] | None:
    return body.get("content", body.get("content_state"))


def named(name: str, content: dict[str, Any] | None) -> str:
    """Return a name for cards of one type, as content of another type is refused."""
    return name if content is None else f"{type_of(content) or 'any'}-{name}"[:255]


def whole_numbers(value: Any) -> Any:
    """1.0 is an integer to JSON Schema, and no whole number to the endpoint."""
    if isinstance(value, dict):
        return {key: whole_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [whole_numbers(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Note the mode and the answer of a call."""
    if case.meta is not None:
        note = [case.meta.generation.mode.value, case.operation.label, response.status_code]
        with Path(os.environ["TALLY"]).open("a") as file:
            file.write(json.dumps(note) + "\n")
