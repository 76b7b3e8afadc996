"""The parts that content and options are made of: metric, icon, badge, action, alert message."""

from __future__ import annotations

import re
from typing import Literal, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import model_validator

from .base import Model
from .errors import rule
from .fields import Color, FilledText, JsonObject, Measurement, Text

_SCHEMES = {"open_url": ("https", "http", "shortcuts"), "webhook": ("https",)}
_UNSAFE = re.compile(r"[\s\x00-\x1f\x7f]")


class Metric(Model):
    """One labelled reading; *value* is a number of 0 or more, or a string of 1 to 64 characters."""

    label: FilledText
    value: Measurement
    unit: Text | None = None
    color: Color | None = None


class Icon(Model):
    """An SF Symbol by its name, as in ``Icon(symbol="shippingbox.fill")``."""

    symbol: FilledText
    color: Color | None = None


class Badge(Model):
    """A short label on the card."""

    title: FilledText
    color: Color | None = None


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
                raise rule("belongs to webhooks; leave it out of open_url", name)
        return self


def _check_url(url: str, schemes: tuple[str, ...]) -> None:
    if _UNSAFE.search(url):
        raise rule("contains whitespace or control characters; percent-encode them", "url")
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname, url.partition("://")[0]
        _ = parts.port
    except ValueError:
        raise rule("is not a URL; check its host and port", "url") from None
    if scheme not in schemes:
        expected = " or ".join(f"{name}://" for name in schemes)
        raise rule(f"must start with {expected}", "url")
    if not host:
        raise rule("has no host; give a full URL", "url")
    if scheme == "shortcuts" and (host != "run-shortcut" or not parse_qs(parts.query).get("name")):
        raise rule("give shortcuts://run-shortcut?name=… with the shortcut's name", "url")
