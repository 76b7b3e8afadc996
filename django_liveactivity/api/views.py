"""``POST end/``: who may end live activities over HTTP, and how a body becomes a service call."""

# ruff: noqa: ARG002 - DRF calls these methods by its own signatures
from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import transaction
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import exceptions, permissions, renderers, status, views
from rest_framework.request import Request
from rest_framework.response import Response

from django_liveactivity import conf, selectors, services
from django_liveactivity.content.keys import take_dismissal
from django_liveactivity.content.parsing import parse_content
from django_liveactivity.exceptions import FieldError, InvalidInputError
from django_liveactivity.models import LiveActivity, Operation, Source, Subject
from django_liveactivity.services.writer import recorded_as

from .errors import error_response
from .parsers import BoundedJSONParser
from .serializers import DetailSerializer, EndedSerializer, EndSerializer, ErrorsSerializer

OWN_PATHS = frozenset({*EndSerializer().fields, "actor", "body"}) - {"content"}


class MayEndLiveActivities(permissions.BasePermission):
    """Admits active principals that have ``django_liveactivity.end_liveactivity``.

    A principal is what the host's authentication returns: a user of any model, a service account
    of its own class, or None. One without ``is_authenticated`` or ``has_perm`` has no permission.
    """

    def has_permission(self, request: Request, view: views.APIView) -> bool:
        principal: object = request.user
        has_perm = getattr(principal, "has_perm", None)
        return (
            bool(getattr(principal, "is_authenticated", False))
            and bool(getattr(principal, "is_active", True))
            and callable(has_perm)
            and bool(has_perm("django_liveactivity.end_liveactivity"))
        )


class EndView(views.APIView):
    """Ends live activities for users with ``django_liveactivity.end_liveactivity``.

    Authentication, throttles and permissions are the host's; this view adds its own permission to
    them, because DRF's defaults are open. A ``ScopedRateThrottle`` of the host finds the scope
    ``liveactivity_end``.
    """

    throttle_scope = "liveactivity_end"
    # DjangoModelPermissions would ask for add_operation; DRF's own root view is marked so, too.
    _ignore_model_permissions = True
    parser_classes = (BoundedJSONParser,)
    renderer_classes = (renderers.JSONRenderer,)

    def has_account_permission(self, request: Request, account: str, card: LiveActivity) -> bool:
        """Tell whether the caller may end cards of an account; override it. By default, yes.

        It is asked besides the permission: before anything is looked up, with an unsaved card of
        the name in the body, and then for each card that is found. If one is refused, none ends.

        Args:
            request: whose user, or other principal, is asked about.
            account: the alias of the account.
            card: the card in hand.
        """
        return True

    def check_account(self, request: Request, card: LiveActivity) -> None:
        """Refuse a caller who may not end cards of the card's account.

        Raises:
            PermissionDenied: or NotAuthenticated, as DRF decides.
        """
        if not self.has_account_permission(request, card.account, card):
            self.permission_denied(request)

    @extend_schema(
        operation_id="liveactivity_end",
        summary="End live activities",
        description=(
            "Ends one live activity, or every live one of an object, now or later. The end is "
            "stored, and sent as soon as possible after the answer. Ending again does no harm."
        ),
        request=EndSerializer,
        responses={
            202: OpenApiResponse(EndedSerializer, "Stored, to be sent when due."),
            400: OpenApiResponse(ErrorsSerializer, "Refused; nothing was stored."),
            401: OpenApiResponse(DetailSerializer, "The request is not authenticated."),
            403: OpenApiResponse(DetailSerializer, "The user may not end live activities."),
            404: OpenApiResponse(DetailSerializer, "No such live activity, or no such model."),
            413: OpenApiResponse(DetailSerializer, "The body exceeds 128 KiB; it was not parsed."),
            415: OpenApiResponse(DetailSerializer, "The body is not application/json."),
            429: OpenApiResponse(DetailSerializer, "Throttled by the project; see Retry-After."),
            503: OpenApiResponse(DetailSerializer, "The account cannot be looked up now."),
        },
    )
    def post(self, request: Request) -> Response:
        """Store the end of what the body names, and answer before it is sent."""
        body = EndSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        ask = functools.partial(self.check_account, request)
        ends = end_cards(body.validated_data, actor=request.user, ask=ask)
        return Response(EndedSerializer({"operations": ends}).data, status.HTTP_202_ACCEPTED)

    def get_permissions(self) -> list[Any]:
        """Return the endpoint's permission, then the host's."""
        # AllowAny beside ours means nothing, but the schema would say that anybody may call.
        host = [
            each for each in super().get_permissions() if type(each) is not permissions.AllowAny
        ]
        return [MayEndLiveActivities(), *host]

    def handle_exception(self, exc: Exception) -> Response:
        """Give every refusal of the body one shape, then go on as the host has set it."""
        return super().handle_exception(error_response(exc))


def end_cards(
    body: Mapping[str, Any], *, actor: object, ask: Callable[[LiveActivity], None]
) -> list[Operation]:
    """End what a body names, in one transaction.

    Args:
        body: the values of ``EndSerializer``.
        actor: the user who asks.
        ask: raises for a card that the user may not end.

    Returns:
        The ends as they are stored, each with its card.

    Raises:
        InvalidInputError: with the paths of the body; nothing was stored.
        NotFound: the body names a row or a model that does not exist.
    """
    values = {"account": conf.DEFAULT_ACCOUNT, **body, "actor": actor}
    ask(_named_card(values))
    account = conf.account(values["account"])
    for name in values.keys() & {"dismiss_after", "after"}:
        values[name] = datetime.timedelta(seconds=values[name])
    content_name = "content_state" if "content_state" in values else "content"
    if content_name in values:
        values["content"] = values.pop(content_name)
        with _paths(lambda path: _in_content(path, content_name)):
            # What no content type takes; the service knows the card's own type besides.
            parse_content(take_dismissal(values["content"], None)[0])
    with transaction.atomic(using=account.database), recorded_as(Source.ENDPOINT):
        with _paths(lambda path: _in_body(path, content_name)):
            ends = _end(account, values)
        rows = Operation.objects.using(account.database).filter(pk__in=[end.pk for end in ends])
        found = list(rows.select_related("activity").order_by("pk"))
        for end in found:
            ask(end.activity)
        return found


def _named_card(values: Mapping[str, Any]) -> LiveActivity:
    """Return an unsaved card as far as the body names it."""
    names = {name: values.get(name) or "" for name in ("account", "stream_key", "activity_id")}
    subject = values.get("subject") or {}
    return LiveActivity(
        **names, subject_model=subject.get("model", ""), subject_pk=subject.get("pk", "")
    )


def _end(account: conf.Account, values: dict[str, Any]) -> list[Operation]:
    if "subject" in values:
        subject = _subject(**values.pop("subject"))
        return services.end_activities(subject=subject, **values)
    if "id" in values:
        values["activity"] = _card(account, values.pop("id"))
    return [services.end_activity(**values)]


def _card(account: conf.Account, pk: int) -> LiveActivity:
    card = selectors.activities(account).filter(pk=pk).first()
    if card is None:
        raise exceptions.NotFound(f"Account {account.alias!r} has no live activity {pk}.")
    return card


def _subject(model: str, pk: str) -> Subject:
    """Return the object's name: the object may be deleted while its cards still live."""
    try:
        found = apps.get_model(model)
    except (LookupError, ValueError):
        raise exceptions.NotFound("There is no such model.") from None
    with _paths(lambda _: "subject.pk"):
        return Subject.named(found, pk)


@contextmanager
def _paths(in_body: Callable[[str], str]) -> Iterator[None]:
    """Raise what the block refuses with the paths that its fields have in the body."""
    try:
        yield
    except InvalidInputError as error:
        errors = (FieldError(in_body(path), message) for path, message in error.errors)
        raise InvalidInputError(*errors) from None


def _in_body(path: str, content_name: str) -> str:
    """Return the path in the body: within the content it does not begin with that one's name."""
    return path if path.partition(".")[0] in OWN_PATHS else _in_content(path, content_name)


def _in_content(path: str, name: str) -> str:
    return name if path in ("content", "") else f"{name}.{path}"
