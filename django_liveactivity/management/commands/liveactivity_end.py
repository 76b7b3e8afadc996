"""End cards by hand."""

from __future__ import annotations

import datetime
import getpass
import json
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from django_liveactivity import conf, services
from django_liveactivity.content import Content
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import Operation
from django_liveactivity.services.door import recorded_as


class Command(BaseCommand):
    """Ends cards by their stream keys or activity ids."""

    help = "End live activities: by stream key, or by the activity id of a card started elsewhere."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("stream_keys", nargs="*", metavar="stream_key")
        parser.add_argument("--activity-id", action="append", default=[], dest="activity_ids")
        parser.add_argument("--title", help="what the ended card shows, if a title is enough")
        parser.add_argument("--content", help="what the ended card shows, as JSON")
        parser.add_argument("--dismiss-after", type=float, metavar="SECONDS")
        parser.add_argument("--account", default=conf.DEFAULT_ACCOUNT)
        parser.add_argument("--reason", default="")

    def handle(self, *_: Any, **options: Any) -> None:
        """End each card, or none of them if one is refused."""
        names: list[dict[str, Any]] = [{"stream_key": key} for key in options["stream_keys"]]
        names += [{"activity_id": identity} for identity in options["activity_ids"]]
        if not names:
            raise CommandError("Give at least one stream key or --activity-id.")
        how = {
            "account": options["account"],
            "reason": options["reason"],
            "actor": _user(),
        }
        if options["dismiss_after"] is not None:
            how["dismiss_after"] = _seconds(options["dismiss_after"])
        try:
            ends = self._end(names, how | {"content": _content(options)})
        except InvalidInputError as error:
            raise CommandError(f"Nothing was ended. {error}") from error
        for end in ends:
            self.stdout.write(f"{end.activity}: end {end.pk}")

    def _end(self, names: list[dict[str, Any]], how: dict[str, Any]) -> list[Operation]:
        using = conf.account(how["account"]).database
        with transaction.atomic(using=using), recorded_as("command"):
            return [services.end_activity(**name, **how) for name in names]


def _user() -> str:
    """Return who runs this; a container's user may have no name."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return str(os.getuid()) if hasattr(os, "getuid") else ""


def _seconds(value: float) -> datetime.timedelta:
    try:
        return datetime.timedelta(seconds=value)
    except (OverflowError, ValueError):
        raise CommandError(f"--dismiss-after is {value}: give 0 to 14400 seconds.") from None


def _content(options: dict[str, Any]) -> Content | dict[str, Any] | None:
    if options["content"] is not None and options["title"] is not None:
        raise CommandError("Give either --title or --content, which may have a title.")
    if options["content"] is None:
        return None if options["title"] is None else Content(title=options["title"])
    try:
        content = json.loads(options["content"])
    except ValueError as error:
        raise CommandError(f"--content is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise CommandError("--content must be a JSON object.")
    return content
