"""What travels beside the content: buttons, alert, channels, tags and metadata."""

from __future__ import annotations

from typing import Annotated, ClassVar

from .base import Model
from .encoding import OPTIONS_LIMIT
from .fields import FilledText, List, Metadata, Tag, sized
from .parts import Action, AlertMessage


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
