"""What travels beside the content: buttons, alert, channels, tags and metadata."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import model_validator

from .encoding import OPTIONS_LIMIT, RuleError
from .fields import FilledText, JsonObject, List, Metadata, Tag, Text, sized
from .validation import Model

_SCHEMES = {"open_url": ("https", "http", "shortcuts"), "webhook": ("https",)}
_UNSAFE = re.compile(r"[\s\x00-\x1f\x7f]")


class AlertMessage(Model):
    """What the phone announces when the change arrives."""

    title: Text | None = None
    body: Text | None = None


class Action(Model):
    """A button on the card: it opens a URL, or has ActivitySmith call a webhook.

    Args:
        title: what the button says.
        type: ``open_url`` or ``webhook``.
        url: https; for ``open_url`` also http and ``shortcuts://run-shortcut?name=…``.
        method: ``GET`` or ``POST``, for webhooks.
        body: a JSON object of at most 8 levels, for webhooks.
    """

    title: FilledText
    type: Literal["open_url", "webhook"]
    url: FilledText
    method: Literal["GET", "POST"] | None = None
    body: JsonObject | None = None

    @model_validator(mode="after")
    def _check_by_type(self) -> Self:
        _check_url(self.url, _SCHEMES[self.type])
        for name in ("method", "body"):
            if self.type == "open_url" and getattr(self, name) is not None:
                raise RuleError("belongs to webhooks, not to open_url", name)
        return self


def _check_url(url: str, schemes: tuple[str, ...]) -> None:
    if _UNSAFE.search(url):
        raise RuleError("contains whitespace or control characters; percent-encode them", "url")
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname, url.partition("://")[0]
        _ = parts.port
    except ValueError:
        raise RuleError("is not a URL; check its host and port", "url") from None
    if scheme not in schemes:
        expected = " or ".join(f"{name}://" for name in schemes)
        raise RuleError(f"must start with {expected}", "url")
    if not host:
        raise RuleError("has no host; give a full URL", "url")
    if scheme == "shortcuts" and (host != "run-shortcut" or not parse_qs(parts.query).get("name")):
        raise RuleError("give shortcuts://run-shortcut?name=… with the shortcut's name", "url")


class Options(Model):
    """The fields beside the content; what is not given stays as it is on the card.

    Args:
        action: the button.
        secondary_action: a second button, on alert, progress, segmented_progress and value.
        alert: announced when the card appears, changes or, for a stream, ends.
        channels: slugs of the channels to reach, at least one; none = all that the API key reaches.
        tags: at most 20 of 1 to 64 characters; ``[]`` clears them.
        metadata: at most 50 entries and 16 KiB of JSON, keys of 1 to 100 characters, values strings
            of at most 4,000 characters, finite numbers or booleans; ``{}`` clears it.
    """

    size_limit: ClassVar = (OPTIONS_LIMIT, "body")

    action: Action | None = None
    secondary_action: Action | None = None
    alert: AlertMessage | None = None
    channels: Annotated[List[FilledText], sized(1)] | None = None
    tags: Annotated[List[Tag], sized(0, 20)] | None = None
    metadata: Metadata | None = None
