"""What a cell needs of the machine: where it is missing, the cell skips and names it."""

from __future__ import annotations

import importlib
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.ports import is_open


def driver(name: str) -> Any:
    """Return a database driver of the extra ``servers``."""
    try:
        return importlib.import_module(name)
    except ImportError:
        pytest.skip(f"{name} is missing: pip install --group servers")


def program(name: str, package: str, folders: str = "usr/sbin") -> str:
    """Return the path of a program.

    Args:
        name: the program.
        package: what brings it on Debian.
        folders: a pattern of folders that may be on no PATH; the last one that has it wins.
    """
    places = [path / name for path in sorted(Path("/").glob(folders))]
    found = [str(place) for place in places if place.exists()]
    path = found[-1] if found else shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is missing: apt install {package}")
    return path


def library(pattern: str, package: str) -> str:
    """Return the path of a shared library that is preloaded, not linked."""
    found = [str(path) for path in Path("/").glob(pattern)]
    if not found:
        pytest.skip(f"{Path(pattern).name} is missing: apt install {package}")
    return found[0]


def service(name: str, port: int) -> None:
    """Insist on a server of the machine."""
    if not is_open(port):
        pytest.skip(f"{name} is missing: nothing listens on 127.0.0.1:{port}")


def owner(name: str) -> dict[str, Any]:
    """Return who runs a server that refuses root, in the words of ``subprocess``."""
    if os.geteuid() != 0:
        return {}
    return {"user": name, "group": name, "extra_groups": []}
