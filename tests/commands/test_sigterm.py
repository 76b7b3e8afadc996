"""The page about SIGTERM, word for word, in a process that gets one inside the block."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from .running import ROOT

PAGE = ROOT / "docs/how-to/end-when-a-process-stops.md"
HANDLER = "signal.signal("
WAIT = """
    import time
    print("shown", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(("has_handler", "code"), [(True, 143), (False, -signal.SIGTERM)])
def test_the_card_ends_when_the_process_is_told_to_stop(project, has_handler, code):
    shell = project()
    [block] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    lines = [line for line in block.splitlines() if has_handler or not line.startswith(HANDLER)]
    script = "\n".join(["import django", "django.setup()", *lines]) + WAIT
    process = subprocess.Popen(
        [sys.executable, "-c", script], env=shell.environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "shown\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == code
    with closing(sqlite3.connect(shell.database)) as database:
        rows = database.execute("SELECT kind FROM django_liveactivity_operation ORDER BY id")
        kinds = [kind for (kind,) in rows]
    assert kinds == ["stream", "stream", *(["end"] if has_handler else [])]
