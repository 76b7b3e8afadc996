"""The words on the form for content: a label for each field, and help where a label is not enough.

Rows are left out of the paths: ``metrics.label`` is the label of every row.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

_ACTION = {
    "title": _("Text on the button"),
    "type": _("What it does"),
    "url": _("URL"),
    "method": _("Method of the webhook"),
    "body": _("Body of the webhook"),
}
LABELS = {
    "title": _("Title"),
    "subtitle": _("Subtitle"),
    "color": _("Color"),
    "icon.symbol": _("Icon"),
    "icon.color": _("Color of the icon"),
    "badge.title": _("Badge"),
    "badge.color": _("Color of the badge"),
    "percentage": _("Percentage"),
    "value": _("Value"),
    "upper_limit": _("Out of"),
    "current_step": _("Current step"),
    "number_of_steps": _("Number of steps"),
    "step_color": _("Color of the current step"),
    "step_colors": _("Colors of the completed steps"),
    "message": _("Message"),
    "counts_down": _("Counts down"),
    "is_running": _("Is running"),
    "metrics.label": _("Label"),
    "metrics.value": _("Value"),
    "metrics.unit": _("Unit"),
    "metrics.color": _("Color"),
    **{f"action.{name}": label for name, label in _ACTION.items()},
    **{f"secondary_action.{name}": label for name, label in _ACTION.items()},
    "alert.title": _("Title of the announcement"),
    "alert.body": _("Text of the announcement"),
    "tags": _("Tags"),
    "metadata": _("Metadata"),
}
HELP_TEXTS = {
    "icon.symbol": _("The name of an SF Symbol, such as checkmark.circle.fill."),
    "percentage": _("From 0 to 100; or give a value and what it is out of."),
    "step_colors": _(
        "One for each completed step, with commas: lime, green, cyan, blue, purple, magenta, red, "
        "orange, yellow, gray."
    ),
    "action.url": _("https://…; to open, also http://… or shortcuts://run-shortcut?name=…"),
    "secondary_action.url": _(
        "https://…; to open, also http://… or shortcuts://run-shortcut?name=…"
    ),
    "action.body": _("A JSON object."),
    "secondary_action.body": _("A JSON object."),
    "tags": _("One on each line. Not shown on phones."),
    "metadata": _("A JSON object. Not shown on phones."),
}
CHOICES = {
    "lime": _("Lime"),
    "green": _("Green"),
    "cyan": _("Cyan"),
    "blue": _("Blue"),
    "purple": _("Purple"),
    "magenta": _("Magenta"),
    "red": _("Red"),
    "orange": _("Orange"),
    "yellow": _("Yellow"),
    "gray": _("Gray"),
    "open_url": _("Opens a URL"),
    "webhook": _("Calls a webhook"),
}
"""What a choice is called; one that is missing, such as GET, is called by its own name."""
TYPES = {
    "segmented_progress": _("Segmented progress"),
    "progress": _("Progress"),
    "metrics": _("Metrics"),
    "stats": _("Stats"),
    "alert": _("Alert"),
    "timer": _("Timer"),
    "value": _("Value"),
}
LONG_TEXTS = {"message", "alert.body"}
"""Texts of more than one line."""
