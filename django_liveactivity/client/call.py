"""One call to the vendor, as data."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django_liveactivity.content import parsing
from django_liveactivity.content.encoding import encode
from django_liveactivity.content.endpoints import (
    ENDPOINTS,
    Endpoint,
    assemble,
    check_content,
    check_options,
)
from django_liveactivity.exceptions import InvalidInputError

_STREAM_METHODS = {Endpoint.STREAM: "PUT", Endpoint.END_STREAM: "DELETE"}
_BY_ACTIVITY_ID = frozenset({Endpoint.UPDATE, Endpoint.END})


@dataclass(frozen=True, slots=True)
class Call:
    """One call to the vendor's API.

    Attributes:
        endpoint: which of the five calls.
        target: the stream key or the activity_id; empty for a start.
        body: what ``content.assemble`` returned.

    Raises:
        InvalidInputError: at ``stream_key``, ``activity_id`` or ``target``: an unchecked one could
            reach another endpoint.
    """

    endpoint: Endpoint
    target: str
    body: dict[str, Any]

    def __post_init__(self) -> None:
        if self.endpoint in _STREAM_METHODS:
            parsing.check_stream_key(self.target)
        elif self.endpoint in _BY_ACTIVITY_ID:
            parsing.check_activity_id(self.target)
        elif self.target:
            raise InvalidInputError.at("target", "a start has none; leave it empty")

    @property
    def method(self) -> str:
        """The HTTP method."""
        return _STREAM_METHODS.get(self.endpoint, "POST")

    @property
    def path(self) -> str:
        """The path below the base URL."""
        if self.endpoint in _STREAM_METHODS:
            return f"/live-activity/stream/{self.target}"
        return f"/live-activity/{self.endpoint}"

    @property
    def json(self) -> dict[str, Any] | None:
        """The body as it is sent; None if there is none."""
        if self.endpoint in _BY_ACTIVITY_ID:
            return {"activity_id": self.target, **self.body}
        return None if self.endpoint is Endpoint.END_STREAM and not self.body else self.body

    def encode(self) -> bytes | None:
        """Return the body as UTF-8 JSON; None if there is none.

        Raises:
            InvalidInputError: at ``body``, if it is not JSON.
        """
        json = self.json
        try:
            return None if json is None else encode(json)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInputError.at("body", f"cannot be written as JSON: {error}") from None


def build_call(
    endpoint: Endpoint,
    target: str,
    content: parsing.ContentInput | None,
    dismiss_after: timedelta | None,
    options: parsing.OptionFields,
) -> Call:
    """Return the call that shows *content*, all of it checked.

    Raises:
        InvalidInputError: names the field.
        ContentRequiredError: at ``content``, if the call cannot do without.
    """
    if ENDPOINTS[endpoint].dismissal:
        content, dismiss_after = parsing.take_dismissal(content, dismiss_after)
    shown = None if content is None else parsing.parse_content(content)
    checked = check_content(endpoint, shown) if shown else None
    beside = check_options(endpoint, shown.type if shown else None, parsing.parse_options(options))
    seconds = None if dismiss_after is None else parsing.check_dismiss_after(dismiss_after)
    return Call(endpoint, target, assemble(endpoint, checked, beside, seconds))
