"""What the SDKs declare, as values for tests: Python's that is installed, and a stored Node's."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from . import node_sdk, python_sdk
from .fields import Document, Source

_NODE = Path(__file__).with_name("node_sdk_1.10.0.json")
PYTHON = python_sdk.read()
NODE = node_sdk.source(json.loads(_NODE.read_text()), "1.10.0")


def changed(
    sdk: Source, model: str, *, required: tuple[str, ...] = (), **properties: object
) -> Source:
    """Return a copy of an SDK with other properties in a model; one that is None is taken out."""
    bodies = {}
    for endpoint, document in sdk.bodies.items():
        schema = copy.deepcopy(document.schema)
        models = schema.get("$defs") or schema["definitions"]
        if model in models:
            merged = models[model]["properties"] | properties
            models[model]["properties"] = {k: v for k, v in merged.items() if v is not None}
            models[model]["required"] = [*models[model].get("required", ()), *required]
        bodies[endpoint] = Document(schema)
    return Source(sdk.name, bodies, sdk.says_ranges)
