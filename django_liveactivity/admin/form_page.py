"""What pages with a form share: a signed token, and a draft that survives a login.

If the session has expired, Django's admin answers a POST with its login page, and the fields are
lost. These pages keep the fields in the browser's session for 15 minutes, for the user whose
primary key the form's token carries. After the login the form is filled in again; the user sends
it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.contrib import admin, messages
from django.core import signing
from django.forms import Media, Script
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_protect

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser
    from django_stubs_ext import StrOrPromise

    User = AbstractBaseUser | AnonymousUser


TOKEN = "token"  # nosec B105  # noqa: S105 - the name of a field
SALT = "django_liveactivity.admin"
SESSION_KEY = "django_liveactivity_draft"
VALID_FOR = 24 * 3600
"""Seconds that a form may be open."""
KEPT_FOR = 15 * 60
"""Seconds that the login may take."""
LARGEST = 256 * 1024
EMPTY: Mapping[str, int] = {}
MEDIA = Media(
    css={"all": ["django_liveactivity/lockscreen.css", "django_liveactivity/ending.css"]},
    js=[Script("django_liveactivity/ending.js", defer=True)],  # type: ignore[list-item] # since 5.2
)
View = Callable[..., HttpResponse]


@dataclass(frozen=True)
class FormToken:
    """What a form records when it is rendered; signed, so that it cannot be forged.

    Args:
        user: the primary key of the user who opened the form.
        newest: the newest operation at that moment, by the alias of its database.
        sources: the operations that the form was prefilled from.
    """

    user: str
    newest: Mapping[str, int] = field(default_factory=dict)
    sources: tuple[int, ...] = ()

    @classmethod
    def of(
        cls, user: User, newest: Mapping[str, int] = EMPTY, sources: Sequence[int] = ()
    ) -> FormToken:
        """Return the token of a form for a user."""
        return cls(str(user.pk), newest, tuple(sources))

    @classmethod
    def read(cls, posted: Mapping[str, Any], user: User | None = None) -> FormToken | None:
        """Return the token of a form; None if it is invalid, a day old or another user's."""
        try:
            values = signing.loads(posted.get(TOKEN, ""), salt=SALT, max_age=VALID_FOR)
        except signing.BadSignature:
            return None
        token = cls(values["user"], values["newest"], tuple(values["sources"]))
        return token if user is None or token.user == str(user.pk) else None

    def sign(self) -> str:
        """Return the text that the form carries."""
        return signing.dumps(asdict(self), salt=SALT)


class FormPage:
    """A page that asks with a form, does what the user confirms, and reports it in messages.

    Args:
        model_admin: whose page it is.
        request: asks for the page, or has its form.
    """

    template: str
    title: StrOrPromise

    def __init__(self, model_admin: admin.ModelAdmin[Any], request: HttpRequest) -> None:
        self.model_admin, self.request = model_admin, request
        self.site = model_admin.admin_site

    def render(self) -> HttpResponse:
        self.request.current_app = self.site.name
        return TemplateResponse(self.request, self.template, self.context())

    def context(self) -> dict[str, Any]:
        return {
            **self.site.each_context(self.request),
            "title": self.title,
            "subtitle": None,
            "opts": self.model_admin.opts,
            "media": self.model_admin.media + MEDIA,
            "token_name": TOKEN,
            "token": self.new_token().sign(),
        }

    def new_token(self) -> FormToken:
        return FormToken.of(self.request.user)

    def report(self, report: Iterable[tuple[int, str]]) -> None:
        """Add messages, each with its level, to the next page that the user sees."""
        for level, text in report:
            self.model_admin.message_user(self.request, text, level)


def survives_login(site: admin.AdminSite, view: View) -> View:
    """Return an admin view that fills in a posted form again after a login."""
    admin_view: View = site.admin_view(view)

    @csrf_protect
    def keeping(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.method == "POST" and not site.has_permission(request):
            _keep_draft(request)
        return admin_view(request, *args, **kwargs)

    keeping.login_required = False  # type: ignore[attr-defined] # by the middleware; the site asks
    return keeping


def posted_fields(request: HttpRequest) -> QueryDict | None:
    """Return the fields that this user posts, or posted here before a login; else None.

    The latter once, with a message that nothing was done.
    """
    if request.method == "POST":
        return request.POST
    draft = request.session.get(SESSION_KEY)
    if not draft or draft["path"] != request.path:
        return None
    del request.session[SESSION_KEY]
    if draft["user"] != str(request.user.pk) or time.time() - draft["at"] > KEPT_FOR:
        return None
    text = gettext("You were logged out before this was sent, so nothing has been done.")
    messages.warning(request, text)
    return QueryDict(draft["fields"])


def pass_draft_on(request: HttpRequest, url: str) -> None:
    """Hand a draft that was posted here on to the page that has the form."""
    draft = request.session.get(SESSION_KEY)
    if draft and draft["path"] == request.path:
        request.session[SESSION_KEY] = {**draft, "path": urlsplit(url).path}


def _keep_draft(request: HttpRequest) -> None:
    token = FormToken.read(request.POST)
    posted = request.POST.copy()
    posted.pop("csrfmiddlewaretoken", None)
    fields = posted.urlencode()
    if token is not None and len(fields) <= LARGEST:
        request.session[SESSION_KEY] = {
            "path": request.path,
            "user": token.user,
            "fields": fields,
            "at": time.time(),
        }


PREVIEW = "preview"
"""The value of the button that checks the form and only shows the page again."""


def is_confirmed(request: HttpRequest) -> bool:
    """Return whether the request comes from a confirmation page, by the button that confirms."""
    return "post" in request.POST and request.POST.get("do") != PREVIEW
