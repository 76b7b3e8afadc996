"""Vendor drift: ``python -m tests.drift --node FOLDER``; exit code 1 for what has no reason."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from django_liveactivity.content.endpoints import Endpoint

from . import node_sdk, ours, python_sdk
from .bodies import generated
from .comparison import Finding, differences
from .fields import Source
from .known_differences import reason_for
from .replay import replay

Writer = Callable[[list[tuple[Endpoint, dict[str, Any]]]], list[dict[str, Any] | None]]
"""Makes of bodies what an SDK sends."""


def report(title: str, findings: Iterable[Finding]) -> int:
    """Print findings, those with a reason below it, and return how many have none."""
    print(f"\n{title}")
    known: dict[str, list[Finding]] = {}
    unknown = []
    for finding in findings:
        reason = reason_for(finding)
        (unknown if reason is None else known.setdefault(reason, [])).append(finding)
    for reason, explained in known.items():
        print(f"  {reason}", *(f"    {each}" for each in explained), sep="\n")
    for each in unknown:
        print(f"  NEW: {each}")
    print(f"  {len(unknown)} without a reason, {sum(map(len, known.values()))} with one")
    return len(unknown)


def replayed(sdk: Source, write: Writer, number: int, seed: int) -> int:
    """Replay bodies of an SDK, print what became of them, and return how much has no reason."""
    bodies = generated(sdk, number, seed)
    written = write([(each.endpoint, each.body) for each in bodies])
    result = replay(sdk.name, zip(bodies, written, strict=True))
    title = (
        f"{number} bodies of {sdk.name}, seed {seed}: it sends {result.bodies}, "
        f"of which this package and the sandbox take {result.taken}"
    )
    found = report(title, result.findings)
    if result.says_little:
        print("  NEW: so few are taken that a field may be in none of them")
    return found + result.says_little


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--node",
        type=Path,
        metavar="FOLDER",
        help="where npm installed activitysmith and ts-json-schema-generator; without it the Node "
        "SDK is left out",
    )
    parser.add_argument("--bodies", type=int, default=2000, help="how many to replay of each SDK")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    options = parser.parse_args()
    sdks: list[tuple[Source, Writer]] = [(python_sdk.read(), python_sdk.write)]
    if options.node:
        sdks.append((node_sdk.read(options.node), partial(node_sdk.write, options.node)))
    package, found = ours.read(), 0
    for sdk, write in sdks:
        found += report(f"The models of {sdk.name}", differences(sdk, package))
        found += replayed(sdk, write, options.bodies, options.seed)
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
