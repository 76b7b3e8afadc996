"""The differences that have a reason; every other one fails the job."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from django_liveactivity.content.endpoints import Endpoint

from .comparison import Finding


@dataclass(frozen=True)
class Known:
    """Differences with a reason.

    Attributes:
        reason: why they may stay.
        fields: their paths, as patterns of ``fnmatch``.
        what: what they say, as such patterns.
        calls: those that may have them.
    """

    reason: str
    fields: tuple[str, ...]
    what: tuple[str, ...]
    calls: tuple[str, ...] = tuple(Endpoint)

    def explains(self, finding: Finding) -> bool:
        """Return whether this is the reason for a finding."""
        return (
            any(fnmatchcase(finding.field, each) for each in self.fields)
            and any(fnmatchcase(finding.what, each) for each in self.what)
            and set(finding.calls) <= set(self.calls)
        )


def reason_for(finding: Finding) -> str | None:
    """Return why a difference may stay, None if nothing is known of it."""
    return next((each.reason for each in KNOWN if each.explains(finding)), None)


_DISMISSAL = "content_state.auto_dismiss_*"

KNOWN = (
    Known(
        "A PUT shows a card and ends none: here a dismissal belongs to an end.",
        (_DISMISSAL,),
        (
            "this package lacks *",
            "* belongs to the call that ends the card: *",
        ),
        calls=("stream",),
    ),
    Known(
        "A POST of an end takes minutes; here a caller may give seconds, which become minutes.",
        ("content_state.auto_dismiss_seconds",),
        ("* SDK * lacks the field, this package has it",),
        calls=("end",),
    ),
    Known(
        "iOS removes an ended card after about 4 hours.",
        (_DISMISSAL,),
        (
            "this package has the maximum *",
            "this package refuses what the sandbox takes: give a whole number of * from 0 to *",
        ),
    ),
    Known(
        "Of two times in one dismissal the vendor takes the seconds; here they have to agree.",
        (_DISMISSAL,),
        ("this package refuses * contradicts auto_dismiss_seconds; give only one of them",),
        calls=("end_stream",),
    ),
    Known(
        "An end leaves a timer's duration out, so that the card freezes at the time it shows.",
        ("content_state.duration_seconds",),
        ("this package does not send it",),
        calls=("end", "end_stream"),
    ),
    Known(
        "A PUT without a duration keeps the timer's window: only the vendor knows if there is one.",
        ("content_state",),
        ("this package takes * of type timer needs duration_seconds",),
        calls=("stream",),
    ),
    Known(
        "A PUT that may have to start a card needs the type, so that here it always says one.",
        ("content_state.type",),
        ("this package requires *",),
        calls=("stream",),
    ),
    Known(
        "JSON's readers keep numbers as doubles: larger integers arrive changed (RFC 8259, 6).",
        ("*",),
        ("this package has the *9007199254740992, *",),
    ),
    Known(
        "An empty text shows nothing, and names nothing.",
        ("content_state.title", "*action.title", "*action.url", "*channels.[*]"),
        ("this package has the minLength 1, *",),
    ),
    Known(
        "The contract has these limits; the SDK tells them in words, or for other calls only.",
        ("metadata", "tags", "content_state.upper_limit", "content_state.duration_seconds"),
        ("this package has the *",),
    ),
    Known(
        "A POST of a start has the channels in target; here a caller gives channels to every call.",
        ("channels",),
        ("* SDK * lacks the field, this package has it",),
        calls=("start",),
    ),
    Known(
        "The Python SDK 1.14.0 has them, and is newer than the Node SDK 1.10.0.",
        ("content_state.type", "content_state.value", "metadata", "tags"),
        (
            "Node SDK * lacks the value 'value', *",
            "Node SDK * does not take a value of type string, *",
            "Node SDK * lacks the field, *",
        ),
    ),
)
