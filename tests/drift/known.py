"""The differences that have a reason; every other one fails the job."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from .comparison import Finding


@dataclass(frozen=True)
class Known:
    """Differences with a reason; texts are matched as names of files are, by ``*`` and ``?``.

    Attributes:
        reason: why they may stay.
        kinds: those of the findings.
        fields: their paths.
        what: what they say.
    """

    reason: str
    kinds: tuple[str, ...]
    fields: tuple[str, ...]
    what: str = "*"

    def explains(self, finding: Finding) -> bool:
        """Return whether this is the reason for a finding."""
        return (
            finding.kind in self.kinds
            and any(fnmatchcase(finding.field, each) for each in self.fields)
            and fnmatchcase(finding.what, self.what)
        )


def reason_for(finding: Finding) -> str | None:
    """Return why a difference may stay, None if nothing is known of it."""
    return next((each.reason for each in KNOWN if each.explains(finding)), None)


_DISMISSAL = "content_state.auto_dismiss_*"

KNOWN = (
    Known(
        "A PUT shows a card and ends none: here a dismissal belongs to an end.",
        ("field",),
        (_DISMISSAL,),
        "this package lacks *",
    ),
    Known(
        "A POST of an end takes minutes; here a caller may give seconds, which become minutes.",
        ("field",),
        ("content_state.auto_dismiss_seconds",),
        "* SDK * lacks the field, this package has it",
    ),
    Known(
        "iOS removes an ended card after about 4 hours.",
        ("limit",),
        (_DISMISSAL,),
        "this package has the maximum *",
    ),
    Known(
        "A PUT that may have to start a card needs the type, so that here it always says one.",
        ("required",),
        ("content_state.type",),
        "this package requires *",
    ),
    Known(
        "JSON's readers keep numbers as doubles: larger integers arrive changed (RFC 8259, 6).",
        ("limit",),
        ("*",),
        "this package has the *9007199254740992, *",
    ),
    Known(
        "An empty text shows nothing, and names nothing.",
        ("limit",),
        ("content_state.title", "*action.title", "*action.url", "*channels.[*]"),
        "this package has the minLength 1, *",
    ),
    Known(
        "The contract has these limits; the SDK tells them in words, or for other calls only.",
        ("limit",),
        ("metadata", "tags", "content_state.upper_limit", "content_state.duration_seconds"),
        "this package has the *",
    ),
    Known(
        "A POST of a start has the channels in target; here a caller gives channels to every call.",
        ("field",),
        ("channels",),
        "* SDK * lacks the field, this package has it",
    ),
    Known(
        "The Python SDK 1.14.0 has them, and is newer than the Node SDK 1.10.0.",
        ("field", "choice", "type"),
        ("content_state.type", "content_state.value", "metadata", "tags"),
        "Node SDK * this package *",
    ),
)
