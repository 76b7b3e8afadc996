"""``liveactivity_end``: end cards from the command line."""

import datetime
import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from django_liveactivity import conf, selectors, services
from django_liveactivity.content import Content
from django_liveactivity.exceptions import AccountSourceError, InvalidInputError
from django_liveactivity.health import why_ends_wait
from django_liveactivity.management.terminal import confirm, operator_name, subject_argument
from django_liveactivity.models import Operation, Source, Subject
from django_liveactivity.printable import printable
from django_liveactivity.services.batch import end_cards
from django_liveactivity.services.ends import CardName
from django_liveactivity.services.writer import recorded_as

BODY_FIELDS = (
    "activity_id",
    "content_state",
    "action",
    "secondary_action",
    "alert",
    "tags",
    "metadata",
)
"""The fields of the vendor's bodies for ends; content has none of these, but a title."""

CARDS_AT_ONCE = 500
"""Of ``--all`` in one transaction."""


class Command(BaseCommand):
    """Ends cards by their stream keys, activity IDs or objects.

    Exits 1 if the vendor refuses the end of one of them; that end then needs an operator. With
    ``--strict``, exits 3 if an object has no open card, or a card was never shown by this project.
    """

    help = (
        "End live activities by stream key, by the object that they represent, or by the activity "
        "ID of a card started elsewhere."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("stream_keys", nargs="*", metavar="stream_key")
        parser.add_argument("--activity-id", action="append", default=[], dest="activity_ids")
        parser.add_argument(
            "--subject",
            action="append",
            default=[],
            dest="subjects",
            metavar="APP.MODEL:PK",
            type=subject_argument,
            help="the object of cards, each of which ends: shop.Order:42",
        )
        parser.add_argument("--title", help="the title of the ended card, instead of --content")
        parser.add_argument(
            "--content",
            metavar="FILE",
            help="what the ended card shows: a file with JSON, - for stdin, or the JSON itself; "
            "or a whole body of the vendor's API, with content_state, action and so on",
        )
        parser.add_argument("--dismiss-after", type=float, metavar="SECONDS")
        parser.add_argument("--account", default=conf.DEFAULT_ACCOUNT)
        parser.add_argument(
            "--all", action="store_true", help="every live card of the account; asks first"
        )
        parser.add_argument("--yes", action="store_true", help="with --all: do not ask")
        parser.add_argument(
            "--strict",
            action="store_true",
            help="exit 3 if an object has no open card, or a card is unknown here or does not end",
        )
        parser.add_argument("--reason", default="")

    def handle(self, *_: object, **options: Any) -> None:
        """End every card, or none if the input of one is invalid."""
        self._doubts = 0
        if options["all"]:
            self._end_all(options)
        else:
            self._end_named(options)
        if options["strict"] and self._doubts:
            raise CommandError(
                "Some cards do not end as requested: see above (--strict).", returncode=3
            )

    def _end_all(self, options: Mapping[str, Any]) -> None:
        """End every live card of the account, 500 in each transaction."""
        if any(options[name] for name in ("stream_keys", "activity_ids", "subjects", "content")):
            raise CommandError(
                "--all ends every card of the account: leave out stream keys, --activity-id, "
                "--subject and --content."
            )
        how = _asked(options)
        if options["title"] is not None:
            how["changes"] = {"title": options["title"]}
        try:
            account = conf.account(options["account"])
            pks = selectors.live_pks(account)
            if pks and not options["yes"]:
                confirm(f"End {len(pks)} live activities of the account {account.alias!r}?")
            for start in range(0, len(pks), CARDS_AT_ONCE):
                self._end_cards(account, pks[start : start + CARDS_AT_ONCE], how)
        except (InvalidInputError, AccountSourceError) as error:
            raise CommandError(f"Not all were ended. {printable(error)}") from error
        stored = len(pks) - self._doubts
        self.stdout.write(
            f"{stored} live activities of the account {account.alias!r}: ends stored."
        )
        if pks and (waits := why_ends_wait(account)):
            self._warn(f"The stored ends wait: {printable(waits)}")

    def _end_cards(self, account: conf.Account, pks: list[int], how: dict[str, Any]) -> None:
        with transaction.atomic(using=account.database), recorded_as(Source.COMMAND):
            results = end_cards(selectors.by_pks(account.database, pks), **how)
        for result in results:
            if result.error is not None:
                self._doubts += 1
                self._warn(f"{printable(result.card)}: not ended. {printable(result.error)}")

    def _end_named(self, options: Mapping[str, Any]) -> None:
        names: list[CardName] = [{"stream_key": key} for key in options["stream_keys"]]
        names += [{"activity_id": identity} for identity in options["activity_ids"]]
        how: dict[str, Any] = {**_shown(options)}
        subjects: list[Subject] = options["subjects"]
        names = _names(names, subjects, how.pop("activity_id", None))
        how |= _asked(options) | {"account": options["account"]}
        try:
            using = conf.stand_in(options["account"]).database
            with transaction.atomic(using=using), recorded_as(Source.COMMAND):
                ends = [services.end_activity(**name, **how) for name in names]
                if subjects:
                    ends += services.end_activities(subject=subjects, **how)
        except (InvalidInputError, AccountSourceError) as error:
            raise CommandError(f"Nothing was ended. {printable(error)}") from error
        self._report_missing(subjects, ends)
        already_ended = [end for end in ends if end.is_settled]
        for end in ends:
            end.refresh_from_db()  # the dispatcher "immediate" has delivered it by now
        refused = [end for end in ends if end.state == Operation.State.NEEDS_OPERATOR]
        for end in ends:
            if end in already_ended:
                self.stdout.write(f"{printable(end.activity)}: had already ended (end {end.pk}).")
            elif end not in refused:
                self._report(end)
        waits = why_ends_wait(conf.stand_in(options["account"]))
        if waits and not all(end.is_settled for end in ends):
            self._warn(f"The stored ends wait: {printable(waits)}")
        if refused:
            raise CommandError("\n".join(map(_refusal, refused)))

    def _report_missing(self, subjects: list[Subject], ends: list[Operation]) -> None:
        """Warn of each object that no open card represents."""
        found = {end.activity.named_subject for end in ends}
        for subject in subjects:
            if subject not in found:
                self._doubts += 1
                name = printable(f"{subject.model}:{subject.pk}")
                self._warn(f"{name}: no live activity of this object is open; none was ended.")

    def _report(self, end: Operation) -> None:
        """Print what happens to a card, and a warning if its name may be misspelled."""
        state = f"{end.state} ({end.outcome})" if end.is_settled else "stored"
        self.stdout.write(f"{printable(end.activity)}: end {end.pk} is {state}.")
        if not selectors.has_content(end):
            self._doubts += 1
            self._warn(
                f"{printable(end.activity)}: this project has shown no live activity of that name. "
                "The vendor is asked to end it anyway; check the spelling."
            )

    def _warn(self, text: str) -> None:
        self.stderr.write(self.style.WARNING(text))


def _refusal(end: Operation) -> str:
    return (
        f"{printable(end.activity)}: does not end. The vendor refuses end {end.pk} ({end.outcome}) "
        "and is asked again every hour: see the answer in the admin, then retry or give up."
    )


def _asked(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the actor, the reason, and how long the ended cards stay, if that is given."""
    asked = {"reason": options["reason"], "actor": operator_name()}
    if options["dismiss_after"] is not None:
        asked["dismiss_after"] = _seconds(options["dismiss_after"])
    return asked


def _seconds(value: float) -> datetime.timedelta:
    try:
        return datetime.timedelta(seconds=value)
    except (OverflowError, ValueError):
        raise CommandError(f"--dismiss-after is {value}: give 0 to 14400 seconds.") from None


def _names(named: list[CardName], subjects: list[Subject], activity_id: Any) -> list[CardName]:
    """Return the cards that the command line names, or else the one that ``--content`` names."""
    by_body: list[CardName] = [] if activity_id is None else [{"activity_id": activity_id}]
    if by_body and (subjects or named not in ([], by_body)):
        raise CommandError(f"--content is the body of activity_id {activity_id!r}; name no other.")
    if not named and not by_body and not subjects:
        raise CommandError("Give at least one stream key, --subject, --activity-id, or --all.")
    return named or by_body


def _shown(options: Mapping[str, Any]) -> dict[str, object]:
    """Return the content, its options, and the activity ID if a body names one."""
    if options["content"] is not None and options["title"] is not None:
        raise CommandError("Give either --title or --content, which may have a title.")
    if options["content"] is None:
        return {} if options["title"] is None else {"content": Content(title=options["title"])}
    given = _json(_text(options["content"]))
    unknown = sorted(given.keys() - set(BODY_FIELDS))
    if unknown and "content_state" not in given:
        return {"content": given}
    if unknown:
        name, taken = printable(unknown[0]), ", ".join(BODY_FIELDS)
        raise CommandError(f"--content: unknown field {name!r}. A body may have {taken}.")
    return {"content": given.pop("content_state", None), **given}


def _text(given: str) -> str:
    """Return the JSON that ``--content`` holds, or that its file holds."""
    if given.lstrip()[:1] in ("{", "["):
        return given
    try:
        return sys.stdin.read() if given == "-" else Path(given).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        message = f"--content is neither JSON nor a file that can be read: {printable(error)}"
        raise CommandError(message) from error


def _json(text: str) -> dict[str, object]:
    try:
        content = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"--content is not JSON: {printable(error)}") from error
    if not isinstance(content, dict):
        raise CommandError("--content must be a JSON object.")
    return content


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object in which every key is given once: of two, readers take either."""
    read = dict(pairs)
    if len(read) < len(pairs):
        repeated = next(name for name, count in Counter(n for n, _ in pairs).items() if count > 1)
        raise ValueError(f"{repeated!r} is given more than once")
    return read
