"""Faults on demand: the grammar of `--faults`, and which call meets which fault."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .routes import ENDPOINTS, Route

if TYPE_CHECKING:
    from collections.abc import Iterable

KINDS = ("hang", "reset", "reset-after", "late", "slow", "html", "truncate", "partial", "ignored")
_METHODS = ("PUT", "POST", "DELETE")
_USAGE = "write METHOD[/endpoint]:KIND@WHEN, as in PUT:500@3, POST/end:hang@2-4 or *:reset@10%"
_RULE = re.compile(r"(?P<method>[^/:@]+)(?:/(?P<endpoint>[^:@]*))?:(?P<kind>[^@]*)@(?P<when>.*)")
_COUNT = re.compile(r"(?P<first>[0-9]+)(?:(?P<open>\+)|-(?P<last>[0-9]+))?")


@dataclass(frozen=True)
class Fault:
    """One rule: which calls meet what.

    Args:
        method: ``PUT``, ``POST``, ``DELETE`` or ``*``.
        endpoint: ``start``, ``update``, ``end`` or ``stream``; empty: all of them.
        kind: a status from 400 to 599, or one of ``KINDS``.
        first: the first matching call that meets it, counted from 1.
        last: the last one, ``None`` if there is none.
        percent: where over 0, the share of the matching calls that meets it, by chance.
    """

    method: str
    endpoint: str
    kind: str
    first: int = 1
    last: int | None = None
    percent: float = 0.0

    def concerns(self, route: Route) -> bool:
        """Whether this rule is about calls like this one."""
        return self.method in ("*", route.method) and self.endpoint in ("", route.endpoint)

    def strikes(self, count: int, dice: random.Random) -> bool:
        """Whether the ``count``-th call like this one meets it."""
        if self.percent:
            return dice.random() * 100 < self.percent
        return self.first <= count and (self.last is None or count <= self.last)


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Read the rules of ``--faults``, which commas separate.

    Args:
        text: rules like ``PUT:500@3`` (the third PUT), ``DELETE:hang@1-2``, ``POST/end:reset@5+``
            (the fifth and all after it) or ``*:late@10%``. A kind is a status from 400 to 599
            or one of ``KINDS``.

    Raises:
        ValueError: a rule cannot be read, or could never match.
    """
    return tuple(_parse_rule(rule.strip()) for rule in text.split(",")) if text.strip() else ()


class FaultPlan:
    """Counts the calls that rules are about, and tells which of them meet a fault.

    Args:
        faults: the rules; of several that strike the same call the first one counts.
        seed: makes the chances of ``P%`` rules the same in every run.
    """

    def __init__(self, faults: Iterable[Fault], seed: int | None = None) -> None:
        self.faults = tuple(faults)
        self._counts = [0] * len(self.faults)
        self._dice = [
            random.Random(None if seed is None else f"{seed}/{index}")
            for index in range(len(self.faults))
        ]

    def kind_for(self, route: Route) -> str:
        """Count this call and return the kind of fault that it meets, empty if none."""
        struck = ""
        for index, fault in enumerate(self.faults):
            if fault.concerns(route):
                self._counts[index] += 1
                strikes = fault.strikes(self._counts[index], self._dice[index])
                struck = struck or (fault.kind if strikes else "")
        return struck


def _parse_rule(rule: str) -> Fault:
    match = _RULE.fullmatch(rule)
    if match is None:
        raise ValueError(f"cannot read the fault {rule!r}: {_USAGE}")
    method, endpoint, kind, when = match.group("method", "endpoint", "kind", "when")
    _check_target(rule, method, endpoint)
    if kind not in KINDS and not re.fullmatch("[45][0-9][0-9]", kind):
        raise ValueError(
            f"unknown kind {kind!r} in {rule!r}: a status from 400 to 599, or {', '.join(KINDS)}"
        )
    if when.endswith("%"):
        return Fault(method, endpoint or "", kind, percent=_parse_percent(rule, when[:-1]))
    return Fault(method, endpoint or "", kind, *_parse_count(rule, when))


def _check_target(rule: str, method: str, endpoint: str | None) -> None:
    if method not in ("*", *_METHODS):
        raise ValueError(f"unknown method {method!r} in {rule!r}: *, {', '.join(_METHODS)}")
    if endpoint is None:
        return
    if endpoint not in ENDPOINTS:
        raise ValueError(f"unknown endpoint {endpoint!r} in {rule!r}: {', '.join(ENDPOINTS)}")
    if method not in ("*", *ENDPOINTS[endpoint]):
        methods = " and ".join(ENDPOINTS[endpoint])
        raise ValueError(f"{rule!r} matches no call: {endpoint} takes {methods}")


def _parse_percent(rule: str, text: str) -> float:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) or not 0 < float(text) <= 100:
        raise ValueError(f"{text!r} in {rule!r} must be a percentage over 0 and up to 100")
    return float(text)


def _parse_count(rule: str, text: str) -> tuple[int, int | None]:
    match = _COUNT.fullmatch(text)
    if match is None:
        raise ValueError(f"cannot read when {text!r} in {rule!r}: N, N-M, N+ or P%")
    first = int(match["first"])
    last = int(match["last"] or first)
    if first < 1 or last < first:
        raise ValueError(f"{text!r} in {rule!r} is empty: calls are counted from 1 upwards")
    return first, None if match["open"] else last
