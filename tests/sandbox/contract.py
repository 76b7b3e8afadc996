"""The contract as a judge: the vendor's API description, and the newer facts laid over it."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

FILE = Path(__file__).parent.parent / "contract" / "activitysmith-openapi.json"
STREAM = "/live-activity/stream/{stream_key}"
START, UPDATE, END = (f"/live-activity/{name}" for name in ("start", "update", "end"))

TEXT, FLAG = {"type": "string"}, {"type": "boolean"}
ERRORS = {"type": "array", "items": TEXT}
ENDED = {
    "ignored": FLAG,
    "message": TEXT,
    "forced_completion": FLAG,
    "warning": TEXT,
    "errors": ERRORS,
}

NEWER_FIELDS = {
    "LiveActivityStartResponse": {"ended_activity_id": TEXT},
    # The description names ended_activity_id for start only; the sandbox says it wherever a card
    # is started.
    "LiveActivityStreamPutResponse": {
        "warning": TEXT,
        "ignored": FLAG,
        "remote_push_sent": FLAG,
        "message": TEXT,
        "errors": ERRORS,
        "ended_activity_id": TEXT,
    },
    "LiveActivityUpdateResponse": {
        "operation": TEXT,
        "stream_key": TEXT,
        "previous_activity_id": TEXT,
        "users_notified": {"type": "integer"},
        "errors": ERRORS,
        "ended_activity_id": TEXT,
        # Named for the other calls only; the sandbox ignores an update in the same words.
        "ignored": FLAG,
        "message": TEXT,
    },
    "LiveActivityStreamDeleteResponse": ENDED,
    "LiveActivityEndResponse": {**ENDED, "end_reason": TEXT},
    "RateLimitError": {"code": {"enum": ["rate_limited"]}},
}
NEWER_SCHEMAS: dict[str, Any] = {
    "BillingBlockedError": {
        "type": "object",
        "required": ["error", "message", "upgrade_url"],
        "properties": {
            "error": {"enum": ["trial_expired", "trial_exhausted", "billing_overage_cap_reached"]},
            "message": TEXT,
            "upgrade_url": TEXT,
            "trial_period": {
                "type": "object",
                "required": ["started_at", "ends_at"],
                "properties": {
                    "started_at": {"type": "string", "format": "date-time"},
                    "ends_at": {"type": "string", "format": "date-time"},
                },
                "additionalProperties": False,
            },
        },
        "additionalProperties": False,
    },
    # Undocumented answers: the sandbox keeps to the two fields that every refusal has.
    "Undocumented": {
        "type": "object",
        "required": ["error", "message"],
        "properties": {"error": TEXT, "message": TEXT},
        "additionalProperties": False,
    },
}
NEWER_RESPONSES = {
    ("put", STREAM, 402): "BillingBlockedError",
    ("post", START, 402): "BillingBlockedError",
    ("put", STREAM, 422): "NoRecipientsError",
    ("post", START, 422): "NoRecipientsError",
    ("post", UPDATE, 400): "BadRequestError",
    ("post", END, 400): "BadRequestError",
}


@cache
def description() -> dict[str, Any]:
    """Return the API description with the newer facts in it."""
    merged: dict[str, Any] = copy.deepcopy(json.loads(FILE.read_text()))
    schemas = merged["components"]["schemas"]
    schemas.update(NEWER_SCHEMAS)
    for name, fields in NEWER_FIELDS.items():
        schemas[name]["properties"].update(fields)
    return merged


@cache
def judge(method: str, path: str, status: int) -> jsonschema.Draft202012Validator:
    """Return the validator of this answer, by the description or by what is newer."""
    declared = description()["paths"][path][method]["responses"].get(str(status))
    name = NEWER_RESPONSES.get((method, path, status), "Undocumented")
    schema = {"$ref": f"#/components/schemas/{name}"}
    if declared is not None:
        schema = declared["content"]["application/json"]["schema"]
    return jsonschema.Draft202012Validator(
        {**schema, "components": description()["components"]},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )


def assert_conforms(method: str, path: str, status: int, body: Any) -> None:
    """Fail unless this answer is one that the contract allows for this call."""
    endpoint = STREAM if path.startswith("/live-activity/stream/") else path
    judge(method.lower(), endpoint, status).validate(body)
