"""Labels of outcomes, calls and types, and the formats of numbers, durations and times."""

from django.utils import dateformat, timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy as _

from django_liveactivity.models import to_datetime

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
OUTCOMES = {
    "delivered": _("delivered"),
    "already_ended": _("had already ended"),
    "forced": _("ended without confirmation"),
    "partial": _("errors on some devices"),
    "queued": _("waits for devices"),
    "noop": _("nothing to change"),
    "paused": _("paused by the user"),
    "rejected": _("content refused"),
    "forbidden": _("not allowed"),
    "not_found": _("unknown to the vendor"),
    "no_recipients": _("no device for it"),
    "rate_limited": _("too many calls"),
    "limit_reached": _("too many cards alive"),
    "billing_blocked": _("payment needed"),
    "unauthorized": _("key or address refused"),
    "not_sent": _("no connection"),
    "ambiguous": _("no clear answer"),
    "never_started": _("never started"),
}
CALLS = {
    "start": _("start"),
    "update": _("update"),
    "end": _("end"),
    "stream": _("stream"),
    "end_stream": _("end stream"),
}
"""The endpoints of the vendor's API."""
TYPES = {
    "segmented_progress": _("Segmented progress"),
    "progress": _("Progress"),
    "metrics": _("Metrics"),
    "stats": _("Stats"),
    "alert": _("Alert"),
    "timer": _("Timer"),
    "value": _("Value"),
}
SHORT_TYPES = {
    "progress": _("progress"),
    "segmented_progress": _("steps"),
    "metrics": _("metrics"),
    "stats": _("stats"),
    "alert": _("alert"),
    "timer": _("timer"),
    "value": _("value"),
}


def outcome_words(outcome: str) -> str:
    """Return the label of an outcome; "" for none."""
    return str(OUTCOMES.get(outcome, outcome))


def number_text(number: int) -> str:
    """Return a number with thousand separators."""
    return number_format(number, force_grouping=True)


def ago_text(milliseconds: int) -> str:
    """Return a duration as "4 min ago"."""
    return gettext("%(duration)s ago") % {"duration": duration(milliseconds)}


def duration(milliseconds: int) -> str:
    """Return a duration in its largest unit: "12 s", "4 min", "3 h", "5 d"."""
    if milliseconds < MINUTE:
        return gettext("%(count)d s") % {"count": max(0, milliseconds // SECOND)}
    if milliseconds < HOUR:
        return gettext("%(count)d min") % {"count": milliseconds // MINUTE}
    if milliseconds < 2 * DAY:
        return gettext("%(count)d h") % {"count": milliseconds // HOUR}
    return gettext("%(count)d d") % {"count": milliseconds // DAY}


def moment(milliseconds: int) -> str:
    """Return a stored time in the current time zone, as "2031-05-06 07:08:09"."""
    value = to_datetime(milliseconds)
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    return dateformat.format(local, "Y-m-d H:i:s")


def minute(milliseconds: int) -> str:
    """Return what ``moment`` does, without its seconds."""
    return moment(milliseconds)[:16]


def time_tag(milliseconds: int, text: str) -> SafeString:
    """Return a ``<time>`` element with a text; its title and ``datetime`` are the exact time."""
    machine = to_datetime(milliseconds).isoformat(timespec="seconds")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', machine, moment(milliseconds), text
    )
