"""The record of every call that the sandbox received, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .answers import Answer, timestamp


@dataclass
class Received:
    """One call, in the order of arrival.

    Args:
        number: counted from 1.
        at: seconds since the epoch, by the sandbox's clock.
        monotonic: seconds of ``time.monotonic()``, which other processes of the machine share.
        account: the number of the account, ``None`` where the API key was refused. The key
            itself is never recorded.
        method: of the request.
        path: of the request.
        body: the parsed JSON, ``None`` if there was none.
        fault: the kind of fault that it met, ``None`` if it met none.
        status: of the answer, ``None`` if there was none.
        answer: the body that was sent.
        is_applied: whether the vendor processed it, answered or not.
    """

    number: int
    at: float
    monotonic: float
    account: int | None
    method: str
    path: str
    body: Any
    fault: str | None
    status: int | None = None
    answer: Any = None
    is_applied: bool = False

    def answered(self, answer: Answer) -> Answer:
        """Record what is sent back, and return it."""
        self.answer, self.status = answer.body, answer.status
        return answer

    def line(self) -> str:
        """Return it as one printable line: ``PUT /api/live-activity/stream/deploy-42 200 started``.

        An answer is told by its operation or its error, or by the fault that it met; what a client
        sent is escaped, so that it neither forges a line nor moves a cursor.
        """
        answer = self.answer if isinstance(self.answer, dict) else {}
        words = [self.method, self.path, str(self.status or "no answer")]
        words += filter(None, (answer.get("operation"), answer.get("error")))
        if self.fault is not None:
            words.append(f"({self.fault})")
        return " ".join(words).encode("unicode_escape").decode("ascii")

    def as_json(self) -> dict[str, Any]:
        """Return it as ``/calls.json`` shows it."""
        return {
            "number": self.number,
            "at": timestamp(self.at),
            "monotonic": self.monotonic,
            "account": self.account,
            "authorized": self.account is not None,
            "method": self.method,
            "path": self.path,
            "body": self.body,
            "status": self.status,
            "answer": self.answer,
            "fault": self.fault,
            "applied": self.is_applied,
        }
