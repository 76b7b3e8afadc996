"""Check a folder with an sdist, the wheel built from it, and direct/*.whl built from the sources.

The sdist has each tracked file but those that only the repository's host reads, and no other. The
wheel that was built from it has the same files, byte for byte, as the one built from the sources.
"""

import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

OF_THE_HOST = (".github/", ".readthedocs.yaml")
ADDED = {"PKG-INFO"}


def tracked() -> set[str]:
    """Return the files that git knows and that belong into an sdist."""
    names = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True)
    return {n for n in names.stdout.split("\0") if n and not n.startswith(OF_THE_HOST)}


def in_sdist(path: Path) -> set[str]:
    """Return the names of its files, below its one folder."""
    with tarfile.open(path) as archive:
        return {m.name.partition("/")[2] for m in archive.getmembers() if m.isfile()}


def in_wheel(path: Path) -> dict[str, bytes]:
    """Return its files with what is in each."""
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def differences(folder: Path) -> list[str]:
    """Return a line for each file that is missing, not wanted, or not the same."""
    (sdist,), (wheel,), (direct,) = (folder.glob(p) for p in ("*.tar.gz", "*.whl", "direct/*.whl"))
    wanted, found = tracked() | ADDED, in_sdist(sdist)
    ours, other = in_wheel(wheel), in_wheel(direct)
    return [
        *(f"The sdist lacks {name}" for name in sorted(wanted - found)),
        *(f"The sdist has a stray file: {name}" for name in sorted(found - wanted)),
        *(
            f"The wheel of the sdist and that of the sources differ in {name}"
            for name in sorted(ours.keys() | other.keys())
            if ours.get(name) != other.get(name)
        ),
    ]


sys.exit("\n".join(differences(Path(sys.argv[1]))) or 0)
