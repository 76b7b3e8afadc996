"""The Node SDK: its TypeScript declarations, and what it makes of a body."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django_liveactivity.content.endpoints import Endpoint
from tests.content.sdk import SDK_MODELS

from .fields import Document, Schema, Source

_WRITER = Path(__file__).with_name("node_writer.js")


def read(folder: Path) -> Source:
    """Return what the SDK declares that npm installed in a folder."""
    modules = folder.absolute() / "node_modules"
    sdk = modules / "activitysmith"
    declared = sdk / "dist" / "generated" / "models" / "index.d.ts"
    generator = str(modules / ".bin" / "ts-json-schema-generator")
    output = _output([generator, "--path", str(declared), "--type", "*", "--no-type-check"])
    version = json.loads((sdk / "package.json").read_text())["version"]
    return source(json.loads(output), version)


def source(schema: Schema, version: str) -> Source:
    """Return what a schema of the SDK's declarations says of the bodies."""
    bodies = {
        each: Document({**schema, "$ref": f"#/definitions/{model.__name__}"})
        for each, model in SDK_MODELS.items()  # one generator named both SDKs' models
    }
    return Source(f"Node SDK {version}", bodies, says_ranges=False)


def write(
    folder: Path, bodies: Iterable[tuple[Endpoint, dict[str, Any]]]
) -> list[dict[str, Any] | None]:
    """Return the bodies as the SDK sends them; None for one that it refuses itself."""
    lines = "".join(f"{json.dumps(body)}\n" for body in bodies)
    output = _output(["node", str(_WRITER), str(folder.absolute())], lines)
    return [json.loads(line) for line in output.split("\n")[:-1]]  # JSON may hold U+2028


def _output(command: list[str], given: str = "") -> str:
    done = subprocess.run(
        command, input=given, stdout=subprocess.PIPE, text=True, check=True, timeout=120
    )
    return done.stdout
