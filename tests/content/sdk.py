"""The bodies as the official Python SDK reads them."""

from __future__ import annotations

from typing import Any

from activitysmith.normalization import normalize_live_activity_request
from activitysmith_openapi import models

from django_liveactivity.content.endpoints import Endpoint

SDK_MODELS = {
    Endpoint.START: models.LiveActivityStartRequest,
    Endpoint.UPDATE: models.LiveActivityUpdateRequest,
    Endpoint.END: models.LiveActivityEndRequest,
    Endpoint.STREAM: models.LiveActivityStreamRequest,
    Endpoint.END_STREAM: models.LiveActivityStreamDeleteRequest,
}


def understood(endpoint: Endpoint, body: dict[str, Any]) -> dict[str, Any]:
    """Return what the SDK reads from a body, as it would send it.

    Raises:
        ValueError: the SDK refuses it.
    """
    read: dict[str, Any] = SDK_MODELS[endpoint](**normalize_live_activity_request(body)).to_dict()
    return read


def missing_from(parsed: Any, sent: Any, path: str = "") -> list[str]:
    """Return the paths of what was sent and is not in what was understood."""
    if isinstance(sent, dict):
        return [
            miss
            for name, value in sent.items()
            for miss in missing_from((parsed or {}).get(name), value, f"{path}.{name}")
        ]
    if isinstance(sent, list) and isinstance(parsed, list) and len(parsed) == len(sent):
        return [
            miss
            for index, (ours, theirs) in enumerate(zip(sent, parsed, strict=True))
            for miss in missing_from(theirs, ours, f"{path}.{index}")
        ]
    return [] if parsed == sent else [path]
