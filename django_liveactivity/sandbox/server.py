"""The sandbox: the vendor, its faults and its record behind one address on loopback."""

from __future__ import annotations

import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self, Unpack

from .answers import reach
from .control import answer_control
from .faults import Fault, FaultPlan, parse_faults
from .listener import Listener
from .policy import Policy, PolicyOptions
from .record import Received
from .routes import API_PREFIX, find_route
from .vendor import MALFORMED, Vendor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .answers import Answer

_BEGAN = time.time() - time.monotonic()

ELSEWHERE_TYPE = "segmented_progress"
"""The type of a card that was started elsewhere, if none is named."""


def steady_clock() -> float:
    """Return seconds since the epoch, never set back while the process runs."""
    return _BEGAN + time.monotonic()


class Sandbox:
    """The vendor's API on loopback, as a context manager or with ``serve_forever``.

    Args:
        port: to listen on; 0 takes a free one.
        host: to listen on.
        latency: seconds before each answer.
        seed: makes activity ids and the chances of faults the same in every run.
        faults: rules of ``parse_faults``; ``faults`` may be set again at any time.
        clock: returns seconds since the epoch; tests pass one that they can move.
        late_after: seconds after which a call with the fault ``late`` is applied.
        started_elsewhere: cards on the phone that another program started: the type of each by its
            activity id. They are there again after ``reset``.
        slow_interval: seconds between two bytes of an answer with the fault ``slow``.
        echo: is given a line for each call that has been dealt with; by default none is.
        policy: the fields of ``Policy``; ``sandbox.policy`` may be changed at any time.

    Raises:
        ValueError: an option or a fault makes no sense.
        OSError: the address is taken.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        latency: float = 0.0,
        seed: int | None = None,
        faults: str | tuple[Fault, ...] = "",
        clock: Callable[[], float] = steady_clock,
        late_after: float = 2.0,
        slow_interval: float = 1.0,
        started_elsewhere: Mapping[str, str] | None = None,
        echo: Callable[[str], object] | None = None,
        **policy: Unpack[PolicyOptions],
    ) -> None:
        self.policy = Policy(**policy)
        self.latency, self.late_after, self.slow_interval = latency, late_after, slow_interval
        self.closing = threading.Event()
        self._clock, self._seed, self._echo = clock, seed, echo
        self._lock = threading.RLock()
        self._vendor = Vendor(self.policy, seed)
        self._received: list[Received] = []
        self.faults = faults
        self._started_elsewhere = dict(started_elsewhere or {})
        self._show_started_elsewhere()
        self._listener = Listener((host, port), self)
        self._thread: threading.Thread | None = None

    @property
    def base(self) -> str:
        """The address without a path, under which ``/phone.json`` and ``/calls.json`` are."""
        host, port = self._listener.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def url(self) -> str:
        """The base URL of the API."""
        return self.base + API_PREFIX

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The rules in force; setting them, as text or parsed, counts calls from 1 again."""
        return self._plan.faults

    @faults.setter
    def faults(self, faults: str | tuple[Fault, ...]) -> None:
        parsed = parse_faults(faults) if isinstance(faults, str) else faults
        with self._lock:
            self._plan = FaultPlan(parsed, self._seed)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def start(self) -> None:
        """Serve in a thread of its own until ``close``."""
        self._thread = threading.Thread(
            target=self.serve_forever, name="liveactivity-sandbox", daemon=True
        )
        self._thread.start()

    def serve_forever(self) -> None:
        """Serve in this thread, until ``close`` is called in another one."""
        self._listener.serve_forever(poll_interval=0.02)

    def close(self) -> None:
        """Stop serving, and drop the connections that are open."""
        self.closing.set()
        if self._thread is not None:
            self._listener.shutdown()
            self._thread.join()
        self._listener.server_close()

    def phone(self) -> dict[str, Any]:
        """Return what ``/phone.json`` shows: ``empty``, ``alive`` and ``ended`` cards."""
        with self._lock:
            return self._vendor.phone.as_json(self._clock())

    def calls(self) -> list[dict[str, Any]]:
        """Return what ``/calls.json`` shows: every call received, in order."""
        with self._lock:
            return [received.as_json() for received in self._received]

    def pause(self, stream_key: str) -> int:
        """Pause a stream as its user would; return how many streams have this key."""
        with self._lock:
            return self._vendor.pause(stream_key, self._clock())

    def resume(self, stream_key: str) -> int:
        """Let a paused stream show again; return how many were paused."""
        with self._lock:
            return self._vendor.resume(stream_key)

    def dismiss(self, name: str) -> int:
        """Swipe the card of a stream key or an activity id away; return how many there were."""
        with self._lock:
            return self._vendor.dismiss(name, self._clock())

    def start_elsewhere(self, activity_id: str, card_type: str = ELSEWHERE_TYPE) -> None:
        """Show a card that another program has started by hand, under the id that it was given.

        Args:
            activity_id: names the card to updates and ends of the first account that makes a call.
            card_type: what the vendor knows of its content.

        Raises:
            ValueError: the id is empty or taken, or there is no such type.
        """
        with self._lock:
            self._vendor.start_elsewhere(activity_id, card_type, self._clock())

    def reset(self) -> None:
        """Forget every account, card and call; faults count from 1 again."""
        with self._lock:
            self._vendor.reset()
            self._received.clear()
            self._plan = FaultPlan(self._plan.faults, self._seed)
            self._show_started_elsewhere()

    def _show_started_elsewhere(self) -> None:
        for activity_id, card_type in self._started_elsewhere.items():
            self.start_elsewhere(activity_id, card_type)

    def receive(self, method: str, path: str, headers: Mapping[str, str], body: object) -> Received:
        """Record a call of the API, and the fault that it meets."""
        with self._lock:
            account = self._vendor.account_of(headers)
            route = find_route(method, path)
            received = Received(
                number=len(self._received) + 1,
                at=self._clock(),
                monotonic=time.monotonic(),
                account=None if account is None else account.number,
                method=method,
                path=path,
                body=None if body is MALFORMED else body,
                fault=None if route is None else self._plan.kind_for(route) or None,
            )
            self._received.append(received)
            return received

    def process(self, received: Received, headers: Mapping[str, str], body: object) -> Answer:
        """Return the vendor's answer to a recorded call, or the status that its fault is."""
        with self._lock:
            now = self._clock()
            if received.fault is not None and received.fault.isdigit():
                return self._vendor.inject(int(received.fault), now)
            if received.fault == "ignored":
                return self._vendor.ignore(received.method, received.path, body, now)
            received.is_applied = True
            answer = self._vendor.handle(received.method, received.path, headers, body, now)
            if received.fault == "partial" and answer.status == HTTPStatus.OK:
                answer.body.update(reach("partial"))
            return answer

    def report(self, received: Received) -> None:
        """Tell of a call that has been dealt with, answered or not."""
        if self._echo is not None:
            self._echo(received.line())

    def control(self, method: str, path: str) -> Answer:
        """Answer a request that is not for the API."""
        return answer_control(self, method, path)
