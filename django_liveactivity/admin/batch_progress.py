"""The progress of a batch of ends: a line above its list, which reloads until it is done."""

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.cache import add_never_cache_headers
from django.utils.formats import number_format
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext_lazy

from django_liveactivity import conf
from django_liveactivity.health.progress import BatchProgress, batch_progress
from django_liveactivity.models import Operation

from .accounts import why_ends_wait
from .display import page_url
from .labels import number_text
from .permissions import PermittedAdmin
from .queryset import ACCOUNT, database_of, is_id

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


BATCH = "batch"
MINUTE, HOUR = 60, 3600
OFTEN, SELDOM, LATEST = 5, 20, 60
"""Seconds between two requests: shortly before the end, before that, and while nothing is due."""
OTHERS: Mapping[str, "StrPromise"] = {
    Operation.State.NEEDS_OPERATOR: ngettext_lazy(
        "%(shown)s needs an operator.", "%(shown)s need an operator.", "count"
    ),
    Operation.State.GIVEN_UP: ngettext_lazy(
        "%(shown)s was given up.", "%(shown)s were given up.", "count"
    ),
    Operation.State.FAILED: ngettext_lazy("%(shown)s failed.", "%(shown)s failed.", "count"),
    Operation.State.SUPERSEDED: ngettext_lazy(
        "%(shown)s was replaced by a later decision.",
        "%(shown)s were replaced by later decisions.",
        "count",
    ),
}
"""The ends that are neither acknowledged nor pending."""


def progress(model_admin: PermittedAdmin, request: HttpRequest, number: int) -> JsonResponse:
    """Return the progress of a batch of ends, as JSON that is not cached."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    found = _progress(model_admin, request, number)
    if found is None:
        raise Http404
    answer = JsonResponse({"text": progress_text(found), "again_in": again_in(found)})
    add_never_cache_headers(answer)
    return answer


def progress_line(model_admin: PermittedAdmin, request: HttpRequest) -> dict[str, Any] | None:
    """Return the line above the list of a batch of ends; None for another list."""
    number, account = request.GET.get(BATCH, ""), request.GET.get(ACCOUNT)
    if not (number and is_id(number)):
        return None
    found = _progress(model_admin, request, int(number))
    if found is None:
        return None
    query = urlencode({ACCOUNT: account}) if account else ""
    return {
        "text": progress_text(found),
        "again_in": again_in(found),
        "url": page_url(model_admin.admin_site, "batch", int(number), query=query),
        "refresh_url": request.get_full_path(),
    }


def _progress(
    model_admin: PermittedAdmin, request: HttpRequest, number: int
) -> BatchProgress | None:
    accounts = model_admin.allowed_accounts(request)
    return batch_progress(number, database_of(request), accounts)


def again_in(found: BatchProgress) -> int | None:
    """Return the seconds until the next request; None if nothing will change."""
    if not found.pending:
        return None
    if found.due_in:
        return max(OFTEN, min(LATEST, int(found.due_in)))
    return OFTEN if (found.seconds_left or 0) < 10 * MINUTE else SELDOM


def progress_text(found: BatchProgress) -> str:
    """Return the progress of a batch of ends in words."""
    return " ".join(_sentences(found))


def _sentences(found: BatchProgress) -> Iterator[str]:
    yield _main_sentence(found)
    for state, text in OTHERS.items():
        if count := found.counts.get(state, 0):
            yield text % {"count": count, "shown": number_text(count)}
    for queue in found.queues:
        if queue.is_paused:
            account = conf.find_stand_in(queue.account)
            why = why_ends_wait(account) if account else queue.reason
            words = {"account": queue.account, "why": why}
            yield gettext("Account %(account)s: %(why)s") % words


def _main_sentence(found: BatchProgress) -> str:
    seconds, rate = found.seconds_left, found.per_minute
    if found.due_in:
        text = gettext("%(ended)s of %(total)s ended, the next in about %(time)s.")
    elif found.pending and rate and seconds is not None:
        text = gettext("%(ended)s of %(total)s ended, about %(time)s left at %(rate)s a minute.")
    else:
        text = gettext("%(ended)s of %(total)s ended.")
    return text % {
        "ended": number_text(found.ended),
        "total": number_text(found.total),
        "time": rough_duration(found.due_in or seconds or 0),
        "rate": _rate_text(rate),
    }


def rough_duration(seconds: float) -> str:
    """Return an estimated duration, rounded: "4 min", "3 h 10", "25 h"."""
    minutes = max(1, math.ceil(seconds / MINUTE))
    if minutes <= HOUR // MINUTE:
        return gettext("%(count)d min") % {"count": minutes}
    hours, minutes = divmod(10 * round(seconds / (10 * MINUTE)), 60)
    if hours >= 10:
        return gettext("%(count)d h") % {"count": round(seconds / HOUR)}
    return gettext("%(hours)d h %(minutes)02d") % {"hours": hours, "minutes": minutes}


def _rate_text(per_minute: float) -> str:
    if per_minute < 1:
        return number_format(per_minute, 1)
    return number_text(round(per_minute))
