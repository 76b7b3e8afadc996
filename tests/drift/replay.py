"""Bodies of an SDK through the content, the client over HTTP, and the sandbox's own rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django_liveactivity.client import Client, Outcome
from django_liveactivity.client.call import Call, build_call
from django_liveactivity.content.endpoints import ENDPOINTS, Endpoint
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.sandbox import Sandbox
from django_liveactivity.sandbox.contract import (
    PayloadError,
    check_body,
    check_final,
    check_shown,
    requested_channels,
)
from tests.content.sdk import missing_from
from tests.sandbox.api import CONTENT

from .bodies import TARGET, Given
from .comparison import Finding, by_calls

_OF_STREAMS = (Endpoint.STREAM, Endpoint.END_STREAM)


@dataclass
class Replayed:
    """What became of the bodies: how many all took, and where somebody disagreed."""

    bodies: int = 0
    taken: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def says_little(self) -> bool:
        """Whether so few bodies were taken that a field may have been in none of them."""
        return self.taken * 4 < self.bodies


def replay(name: str, bodies: Iterable[tuple[Given, dict[str, Any] | None]]) -> Replayed:
    """Return what becomes of bodies.

    Args:
        name: of the SDK.
        bodies: as given, and as the SDK writes them; None if it does not.
    """
    replayed = Replayed()
    found: list[tuple[Finding, str]] = []
    with Sandbox(rate_limit=(1_000_000, 60.0), seed=1) as sandbox:
        with Client("ask_test", base_url=sandbox.url) as client:
            for given, written in bodies:
                if written is None:
                    continue
                replayed.bodies += 1
                call, findings = _judged(name, given, written)
                if call is not None:
                    findings += _sent(sandbox, client, given, call)
                    replayed.taken += 1
                found += ((each, given.endpoint.value) for each in findings)
    replayed.findings = by_calls(found)
    return replayed


def _judged(name: str, given: Given, written: dict[str, Any]) -> tuple[Call | None, list[Finding]]:
    """Return the call if the content and the sandbox take the body, and where they disagree."""
    call, errors = _ours(given)
    refusal = _refusal(given, given.body)
    findings = []
    if call is not None and refusal:
        findings.append(_said(refusal, "this package takes what the sandbox refuses"))
    for error in errors:
        path = _general(_whole(given, error.path))
        if not refusal:
            what = f"this package refuses what the sandbox takes: {error.message}"
            findings.append(Finding(path, what))
        elif error.message.startswith("Unknown field"):
            findings.append(Finding(path, "this package lacks it, and the sandbox refuses it"))
    if not refusal:
        lost = missing_from(plain(written), plain(given.body))
        findings += [Finding(_general(path), f"{name} does not send it") for path in lost]
        if refusal_of_written := _refusal(given, written):
            findings.append(_said(refusal_of_written, f"the sandbox refuses what {name} sends"))
    return (None if refusal else call), findings


def _ours(given: Given) -> tuple[Call | None, tuple[Any, ...]]:
    options = {k: v for k, v in given.body.items() if k not in ("content_state", "activity_id")}
    if (target := options.pop("target", None)) is not None:
        options.setdefault("channels", target["channels"])
    name = "" if given.endpoint is Endpoint.START else TARGET
    content = given.body.get("content_state")
    try:
        return build_call(given.endpoint, name, content, None, options), ()
    except InvalidInputError as error:
        return None, error.errors


def _refusal(given: Given, body: dict[str, Any]) -> str:
    """Return why the sandbox's contract refuses a body, "" if it takes it."""
    try:
        checked = check_body(given.endpoint.value, body)
        if content := checked.get("content_state"):
            is_end = bool(ENDPOINTS[given.endpoint].dismissal)
            starts = not is_end and given.endpoint is not Endpoint.UPDATE and "type" in content
            shown = "" if starts else given.card_type
            (check_final if is_end else check_shown)(checked, shown)
    except PayloadError as error:
        return str(error)
    return ""


def _sent(sandbox: Sandbox, client: Client, given: Given, call: Call) -> list[Finding]:
    """Return what is lost, added or refused on the way to the sandbox."""
    sandbox.reset()
    if given.endpoint in (Endpoint.UPDATE, Endpoint.END):
        sandbox.start_elsewhere(TARGET, given.card_type)
    elif given.endpoint is Endpoint.END_STREAM:
        client.stream(TARGET, CONTENT[given.card_type])
    answer = client.send(call)
    if answer.outcome != Outcome.DELIVERED:
        return [_said(answer.error, f"the sandbox answers {answer.status} over HTTP")]
    received, expected = plain(sandbox.calls()[-1]["body"] or {}), plain(given.body)
    lost = [
        Finding(_general(path), "this package does not send it")
        for path in missing_from(received, expected)
    ]
    added = [
        Finding(_general(path), "this package sends it, and nobody gave it")
        for path in missing_from(expected, received)
    ]
    return lost + added


def plain(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body in the one form of what can be said in two: channels and the dismissal."""
    rest = {name: value for name, value in body.items() if name not in ("channels", "target")}
    channels = body.get("channels") or requested_channels({"target": body.get("target", {})})
    if channels is not None:
        rest["channels"] = channels
    content = dict(rest.get("content_state", {}))
    if "auto_dismiss_minutes" in content:
        minutes = content.pop("auto_dismiss_minutes")
        content.setdefault("auto_dismiss_seconds", minutes * 60)
    return {**rest, "content_state": content} if content else rest


def _said(message: str, before: str) -> Finding:
    """Return the finding in a message of the sandbox, which begins with the field."""
    path, _, rest = message.partition(" ")
    return Finding(_general(path), f"{before}: {rest}")


def _whole(given: Given, path: str) -> str:
    """Return the path in the body; an error of the content begins with the content."""
    return path if path.partition(".")[0] in given.body else f"content_state.{path}"


def _general(path: str) -> str:
    """Return a path without the numbers of rows and the names that a caller chose."""
    parts = path.strip(".").split(".")
    for index, part in enumerate(parts):
        if part in ("metadata", "body") and parts[:index] != ["alert"]:
            return ".".join([*parts[: index + 1], *["*"] * (len(parts) > index + 1)])
        if part.isdecimal():
            parts[index] = "*"
    return ".".join(parts)
