"""The routes that end live activities over HTTP, and that read cards and ends."""

# ruff: noqa: A002, ARG002 - DRF calls these methods by its own signatures
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from django.db.models import BigIntegerField, QuerySet
from django.urls import NoReverseMatch
from django.utils.http import urlencode
from rest_framework import exceptions, pagination, permissions, renderers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from django_liveactivity import conf, selectors
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import LiveActivity, Operation, Source, Subject, lane_digest
from django_liveactivity.printable import get_logger, shortened
from django_liveactivity.services.advisory_lock import serialized
from django_liveactivity.services.writer import recorded_as

from . import openapi, serializers
from .ending import CONTENT_FIELDS, NOT_FOUND, end_cards, find_cards, find_model, unsaved_card
from .errors import problem_response
from .parsers import BoundedBodyMixin, BoundedJSONParser
from .permissions import MODEL_PERMISSIONS, LiveActivityPermission, may
from .serializers import LARGEST_PAGE, NAMES

logger = get_logger("django_liveactivity.api")
Cards = QuerySet[LiveActivity, LiveActivity]


class ActivityPages(pagination.CursorPagination):
    """The newest cards first, 50 on a page; a page stays what it was while new cards come."""

    ordering = "-pk"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = LARGEST_PAGE


class LiveActivityViewSet(BoundedBodyMixin, viewsets.GenericViewSet[LiveActivity]):
    """Ends live activities for callers with ``django_liveactivity.end_liveactivity``.

    Authentication, throttles and permissions are the host's; this class adds its own permission to
    them, because DRF's defaults are open. A host confines its callers in a class of its own, by
    ``get_queryset``, ``has_account_permission`` and ``permission_classes``.

    Attributes:
        account: the account of the request, once the caller is known to be allowed to use it.
    """

    parser_classes = (BoundedJSONParser,)
    renderer_classes = (renderers.JSONRenderer,)
    pagination_class = ActivityPages
    serializer_class = serializers.ActivitySerializer
    metadata_class = None  # OPTIONS would tell of fields that no route takes
    throttle_scope: str | None = None
    account: conf.Account

    def has_account_permission(self, request: Request, account: str, card: LiveActivity) -> bool:
        """Tell whether the caller may use an account's cards; override it.

        By default, yes. The endpoint calls it besides the permissions: before it looks anything up,
        with an unsaved card of the names in the request, and then for each card that it finds. A
        refused card is answered like one that does not exist, and if one is refused, none ends.

        Args:
            request: whose user, or other principal, is asked about.
            account: the alias of the account.
            card: the card in hand.
        """
        return True

    def get_queryset(self) -> Cards:
        """Return the cards of ``self.account`` that the caller may see or end; override it.

        A card that it leaves out is answered like one that does not exist, also an end of a key
        that is not known here yet.
        """
        return selectors.activities(self.account)

    @openapi.end
    def end(self, request: Request) -> Response:
        """Store the end of what the body names, and answer before it is sent."""
        return self._end(_valid(serializers.EndSerializer, request.data))

    @openapi.end_stream
    def end_stream(self, request: Request, stream_key: str) -> Response:
        """Store the end of a stream, and answer before it is sent."""
        query = _query(serializers.StreamQuerySerializer, request)
        body = _valid(serializers.StreamEndSerializer, request.data)
        if twice := query.keys() & body.keys():
            again = ["Give it in the address or in the body, not in both."]
            raise exceptions.ValidationError(dict.fromkeys(sorted(twice), again))
        return self._end({**query, **body, "stream_key": stream_key})

    @openapi.activities
    def list(self, request: Request) -> Response:
        """Return a page of cards."""
        query = _query(serializers.ActivityQuerySerializer, request)
        self._open_account(query)
        rows = selectors.described(_filtered(self.account, self.get_queryset(), query))
        page = self.paginate_queryset(rows) or []
        seen = [card for card in page if self._sees(card)]
        return self.get_paginated_response(self._represented(seen))

    @openapi.activity
    def retrieve(self, request: Request, id: str) -> Response:
        """Return one card."""
        self._open_account(_query(serializers.QuerySerializer, request))
        card = selectors.described(self.get_queryset().filter(pk=_number(id))).first()
        if card is None or not self._sees(card):
            raise exceptions.NotFound(NOT_FOUND)
        return Response(self._represented([card])[0])

    @openapi.operation
    def operation(self, request: Request, id: str) -> Response:
        """Return one operation: whether an end has been sent, and its outcome."""
        self._open_account(_query(serializers.QuerySerializer, request))
        found = self._operations().filter(pk=_number(id)).first()
        if found is None or not self._sees(found.activity):
            raise exceptions.NotFound("There is no such operation among those that you may see.")
        return Response(serializers.OperationSerializer(found, context=self._context()).data)

    def get_permissions(self) -> Sequence[Any]:
        """Return the endpoint's permission, then the host's."""
        # Beside ours AllowAny means nothing, but the schema would say that anybody may call.
        unasked = (permissions.AllowAny, *MODEL_PERMISSIONS)
        host = [each for each in super().get_permissions() if type(each) not in unasked]
        return [LiveActivityPermission(), *host]

    def get_exception_handler(self) -> Callable[..., Response | None]:
        """Return our own handler, so that errors look the same whatever the host's handler does."""
        return problem_response

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Write one log line for each request."""
        caller = shortened(str(getattr(request, "_user", None)), 255)
        data = response.data if isinstance(response.data, dict) else {}
        detail = data.get("detail") or [end["id"] for end in data.get("operations", ())] or ""
        detail = shortened(str(detail), 255)
        level = logger.info if response.status_code < 400 else logger.warning
        route = " ".join(filter(None, (request.method, self.action)))
        level("%s by %s: %d %s", route, caller, response.status_code, detail)
        return super().finalize_response(request, response, *args, **kwargs)

    def _open_account(self, names: Mapping[str, Any]) -> None:
        """Look up the account of a request, if the caller may use it."""
        named = unsaved_card({"account": conf.DEFAULT_ACCOUNT, **names})
        if not self.has_account_permission(self.request, named.account, named):
            raise exceptions.NotFound(NOT_FOUND)
        self.account = conf.account(named.account)

    def _end(self, body: Mapping[str, Any]) -> Response:
        self._open_account(body)
        name = (self.account.alias, *(f"{each}={body[each]}" for each in NAMES if each in body))
        with serialized(self.account.database, *name), recorded_as(Source.ENDPOINT):
            try:
                made = end_cards(self.account, body, actor=self.request.user)
            except InvalidInputError:
                # The errors may reveal a card that the caller may not see.
                self._check_all(find_cards(self.account, body), body)
                raise
            ends = selectors.as_stored(made)
            self._check_all([end.activity for end in ends], body)
        data = serializers.EndedSerializer({"operations": ends}, context=self._context()).data
        if all(end.is_settled for end in ends):
            return Response(data)
        location = data["operations"][0]["url"] if len(ends) == 1 else None
        headers = {"Location": location} if location else None
        return Response(data, status.HTTP_202_ACCEPTED, headers=headers)

    def _operations(self) -> QuerySet[Operation, Operation]:
        """Return the operations of the cards that the queryset has, the oldest first."""
        rows = Operation.objects.using(self.account.database).select_related("activity")
        return rows.filter(activity__in=self.get_queryset().order_by()).order_by("pk")

    def _check_all(self, cards: Sequence[LiveActivity], body: Mapping[str, Any]) -> None:
        """Refuse a caller who may not end one of the cards as the body asks.

        Raises:
            NotFound: the caller may not see one of them.
            PermissionDenied: the caller may see it, and not end it, or not give it content.
        """
        self._check_listed({card.pk for card in cards if card.pk})
        for card in cards:
            self._check(card)
            if body.keys() & CONTENT_FIELDS:
                self._check_content(card)

    def _check_listed(self, numbers: Collection[int]) -> None:
        """Refuse cards that the host's queryset leaves out; ours has them all.

        Raises:
            NotFound: there is such a card.
        """
        if type(self).get_queryset is LiveActivityViewSet.get_queryset:
            return
        for some in selectors.batched(sorted(numbers)):
            if self.get_queryset().filter(pk__in=some).count() < len(some):
                raise exceptions.NotFound(NOT_FOUND)

    def _check(self, card: LiveActivity) -> None:
        """Refuse a caller who may not see or end a card.

        Raises:
            NotFound: the caller may not see it.
            PermissionDenied: the caller may see it, and no more.
        """
        if not self.has_account_permission(self.request, card.account, card):
            raise exceptions.NotFound(NOT_FOUND)
        try:
            self.check_object_permissions(self.request, card)
        except exceptions.PermissionDenied:
            if may(self.request, "view", card) and not may(self.request, "end", card):
                raise
            raise exceptions.NotFound(NOT_FOUND) from None

    def _check_content(self, card: LiveActivity) -> None:
        if not may(self.request, "give_content", card):
            raise exceptions.PermissionDenied(
                "You may end this live activity, and not say what it shows: that needs the "
                "permission django_liveactivity.give_content_liveactivity."
            )

    def _sees(self, card: LiveActivity) -> bool:
        try:
            self._check(card)
        except (exceptions.NotFound, exceptions.PermissionDenied):
            return False
        return True

    def _represented(self, cards: Sequence[LiveActivity]) -> Sequence[dict[str, Any]]:
        context = {**self._context(), "newest": selectors.newest_operations(cards)}
        return [serializers.ActivitySerializer(card, context=context).data for card in cards]

    def _context(self) -> dict[str, Any]:
        return {"address": self._address}

    def _address(self, route: str, row: LiveActivity | Operation) -> str | None:
        """Return the address of a row's page, where the routes are mounted; else None."""
        match = self.request.resolver_match
        other = row.account != conf.DEFAULT_ACCOUNT
        try:
            address = reverse(
                f"{match.namespace if match else ''}:{route}",
                kwargs={"id": row.pk},
                request=self.request,
            )
        except NoReverseMatch:
            return None
        return f"{address}?{urlencode({'account': row.account})}" if other else address


def _number(text: str) -> int:
    """Return the primary key in an address; 0, which no row has, if it is not a number.

    Django's ``<int:id>`` would not match, and the answer would be the host's page for a 404.
    """
    number = int(text) if re.fullmatch("[0-9]{1,19}", text) else 0
    return number if number <= BigIntegerField.MAX_BIGINT else 0


def _valid(serializer: type[serializers.StrictSerializer], data: object) -> dict[str, Any]:
    # As a dict: DRF reads an absent body as an empty form, in which every DictField is {}.
    checked = serializer(data=dict(data) if isinstance(data, dict) else data)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


def _query(serializer: type[serializers.StrictSerializer], request: Request) -> dict[str, Any]:
    """Return the query parameters; one that is given twice is refused."""
    given = request.query_params
    if twice := [name for name in given if len(given.getlist(name)) > 1]:
        raise exceptions.ValidationError({name: ["Give it once."] for name in twice})
    return _valid(serializer, given.dict())


def _filtered(account: conf.Account, rows: Cards, query: Mapping[str, Any]) -> Cards:
    """Return the cards that match the query parameters."""
    if "stream_key" in query:
        rows = rows.filter(lane_digest=lane_digest(stream_key=query["stream_key"]))
    if "activity_id" in query:
        rows = rows.filter(selectors.has_activity_id(account, query["activity_id"]))
    if "subject_pk" in query:
        subject = Subject.named(find_model(query["subject_model"]), query["subject_pk"])
        rows = selectors.of_subject(rows, subject)
    elif "subject_model" in query:
        rows = rows.filter(subject_model=find_model(query["subject_model"])._meta.label)
    if "status" in query:
        rows = rows.filter(status=query["status"])
    if "live" in query:
        live = selectors.live(rows.exclude(status__in=LiveActivity.OVER))
        rows = live if query["live"] else rows.exclude(pk__in=live.values("pk"))
    return rows
