"""The sandbox: the vendor, its faults and its record of calls behind one address on loopback."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Self, Unpack

from . import calls
from .calls import ApiRequest, CallRecord, Reply
from .control import Controls
from .faults import Fault, FaultPlan, FaultyHandler, injected_reply
from .http_server import HttpServer, is_loopback
from .limits import Policy, PolicyOptions
from .phone import timestamp
from .vendor import Vendor

_STARTED = time.time() - time.monotonic()


def steady_clock() -> float:
    """Return seconds since the epoch, never set back while the process runs."""
    return _STARTED + time.monotonic()


class Sandbox(Controls):
    """The vendor's API on loopback, as a context manager or with ``serve_forever``.

    Args:
        port: to listen on; 0 takes a free one.
        host: to listen on, a loopback address.
        allow_remote: any ``host`` may be listened on, and the ``Host`` of a request be any.
        latency: seconds before each reply.
        seed: makes activity ids and the chances of faults the same in every run.
        faults: rules of ``parse_faults``; ``faults`` may be set again at any time.
        clock: returns seconds since the epoch; tests pass one that they can move.
        started_elsewhere: cards on the phone that another program started: the type of each by its
            activity id. They are there again after ``reset``.
        echo: is given a line for each call that has been dealt with; by default none is.
        policy: the fields of ``Policy``; ``sandbox.policy`` may be changed at any time.

    Attributes:
        late_after: seconds after which a call with the fault ``late`` is applied.
        slow_interval: seconds between two bytes of a reply with the fault ``slow``.

    Raises:
        ValueError: an option or a fault has a value that it cannot have.
        OSError: the address is taken.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        allow_remote: bool = False,
        latency: float = 0.0,
        seed: int | None = None,
        faults: str | tuple[Fault, ...] = "",
        clock: Callable[[], float] = steady_clock,
        started_elsewhere: Mapping[str, str] | None = None,
        echo: Callable[[str], object] | None = None,
        **policy: Unpack[PolicyOptions],
    ) -> None:
        if not (allow_remote or is_loopback(f"[{host}]" if ":" in host else host)):
            raise ValueError(
                f"{host} lets other machines in: ask for it with --allow-remote (allow_remote=True)"
            )
        self.policy = Policy(**policy)
        self.allow_remote = allow_remote
        self.latency, self.late_after, self.slow_interval = latency, 2.0, 1.0
        self.closing = threading.Event()
        self._echo = echo
        vendor, plan = Vendor(self.policy, seed), FaultPlan((), seed)
        super().__init__(vendor, clock, plan, started_elsewhere or {})
        self.faults = faults
        self._http_server = HttpServer((host, port), FaultyHandler, self)
        self._thread: threading.Thread | None = None

    @property
    def base(self) -> str:
        """The address without a path, where the page is."""
        host, port = map(str, self._http_server.server_address[:2])
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def url(self) -> str:
        """The base URL of the API."""
        return self.base + calls.API_PREFIX

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
        self._http_server.serve_forever(poll_interval=0.02)

    def close(self) -> None:
        """Stop serving, and drop the connections that are open."""
        self.closing.set()
        if self._thread is not None:
            self._http_server.shutdown()
            self._thread.join()
        self._http_server.server_close()

    def receive(self, request: ApiRequest) -> CallRecord:
        """Record a call of the API, and the fault that it meets."""
        with self._lock:
            account = self._vendor.authenticate(request.headers)
            route = request.route
            record = CallRecord(
                number=len(self._records) + 1,
                at=timestamp(self._clock()),
                monotonic=time.monotonic(),
                account=None if account is None else account.number,
                authorized=account is not None,
                method=request.method,
                path=request.path,
                body=None if request.body is calls.MALFORMED else request.body,
                fault=None if route is None else self._plan.kind_for(route) or None,
            )
            self._records.append(record)
            return record

    def process(self, record: CallRecord, request: ApiRequest) -> Reply:
        """Return the vendor's reply to a recorded call, or that of its fault."""
        with self._lock:
            now = self._clock()
            reply = injected_reply(record.fault, request, now)
            if reply is not None:
                return self._vendor.ask_to_wait(reply)
            record.applied = True
            reply = self._vendor.handle(request, now)
            if record.fault == "partial" and reply.status == 200:
                reply.body.update(calls.delivery_report("partial"))
            return reply

    def report(self, record: CallRecord) -> None:
        """Print a call that has been dealt with, answered or not."""
        if self._echo is not None:
            self._echo(record.line())

    def reject(self, method: str, path: str, why: str) -> None:
        """Print a request that another site's page may have made."""
        if self._echo is not None:
            self._echo(calls.printable_line(method, path, "403", why))
