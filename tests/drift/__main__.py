"""Vendor drift: ``python -m tests.drift --node FOLDER``; exit code 1 for what has no reason."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from . import node_sdk, ours, python_sdk
from .comparison import Finding, differences
from .known import reason_for


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--node",
        type=Path,
        metavar="FOLDER",
        help="where npm installed activitysmith and ts-json-schema-generator; without it the Node "
        "SDK is left out",
    )
    options = parser.parse_args()
    package = ours.read()
    sdks = [python_sdk.read()]
    if options.node:
        sdks.append(node_sdk.read(options.node))
    found = sum(report(f"The models of {sdk.name}", differences(sdk, package)) for sdk in sdks)
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
