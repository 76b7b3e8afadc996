"""The package before its newest migration, for processes that were not renewed yet."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from .processes import ROOT

PACKAGE = "django_liveactivity"
MIGRATIONS = ROOT / PACKAGE / "migrations"


def older_tree(folder: Path) -> Path:
    """Unpack the package of the commit before the newest migration, and return where it is."""
    newest = max(MIGRATIONS.glob("[0-9]*.py")).relative_to(ROOT)
    if not (ROOT / ".git").exists():
        pytest.skip("the history is missing: this is no clone of the repository")
    added = git("log", "--diff-filter=A", "--format=%H", "-1", "--", str(newest)).decode().strip()
    archive = git("archive", f"{added}^" if added else "HEAD", PACKAGE)
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
    assert not (folder / newest).exists(), f"{newest} is in the tree before it"
    return folder


def git(*arguments: str) -> bytes:
    """Return what git prints; a history that ends too early, or no git at all, skips."""
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), *arguments]
    try:
        return subprocess.run(command, check=True, capture_output=True, timeout=30).stdout
    except FileNotFoundError:
        pytest.skip("git is missing")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the history is missing: {error.stderr.decode().strip()}")
