"""The best that one process can do: a log of the last calls, and nothing that survives a crash.

``python -m tests.benchmarks.perfect_log ENDS CALLS SECONDS``; the vendor is in ``FAULTS_RUN``.
"""

from __future__ import annotations

import collections
import sys
import time

import httpx

from tests.faults.settings import RUN


def main(ends: int, calls: int, seconds: float) -> None:
    """End the cards in order, each as soon as the log of the last ``calls`` has room."""
    log: collections.deque[float] = collections.deque(maxlen=calls)
    headers = {"Authorization": "Bearer ask_test"}
    with httpx.Client(base_url=RUN["base_url"], headers=headers) as client:
        for number in range(ends):
            while True:
                if len(log) == calls:
                    time.sleep(max(0.0, log[0] + seconds - time.monotonic()))
                answer = client.delete(f"/live-activity/stream/card-{number}")
                # The vendor counted it before now, and counts the next after it is sent.
                log.append(time.monotonic())
                if answer.status_code != 429:
                    break


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
