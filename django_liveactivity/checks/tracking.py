"""Check that the cards of each followed model can be stored, and those of tenants told apart."""

from collections.abc import Iterator

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import router

from django_liveactivity import conf
from django_liveactivity.tracking import registered, unregistered, unsupported
from django_liveactivity.tracking.activity import AnyActivity, ModelActivity

OURS = "django_liveactivity"


def check_tracking(**_: object) -> Iterator[checks.CheckMessage]:
    """Check that the cards of each followed model can be stored.

    * ``liveactivity.E008``: a model is written to another database than its account's.
    * ``liveactivity.E009``: a model has a composite primary key.
    * ``liveactivity.E010``: the account is not in ``LIVEACTIVITY``, and no account source can have
      it. A class that chooses accounts by ``get_account`` is not checked.
    * ``liveactivity.E018``: a ``ModelActivity`` does not define ``is_live`` or ``content``.
    * ``liveactivity.W012``: a ``ModelActivity`` follows no model.
    """
    yield from _check_classes()
    for activity in unsupported():
        yield checks.Error(
            f"{activity.name} cannot follow {activity.model._meta.label}, which has a composite "
            "primary key: a card names its subject by a single one.",
            hint="Call the services yourself, without a subject.",
            obj=type(activity),
            id="liveactivity.E009",
        )
    try:
        conf.databases()
    except ImproperlyConfigured:
        return  # check_accounts reports it, or check_account_source
    for activity in registered():
        if not activity.chooses_account:
            yield from _check_activity(activity)


def _check_classes() -> Iterator[checks.CheckMessage]:
    for activity in registered():
        for name in ("is_live", "content"):
            if getattr(type(activity), name) is getattr(ModelActivity, name):
                yield checks.Error(
                    f"{activity.name} does not define {name}(), so that no save of "
                    f"{activity.model._meta.label} shows a card.",
                    obj=type(activity),
                    id="liveactivity.E018",
                )
    for cls in unregistered():
        yield checks.Warning(
            f"{cls.__module__}.{cls.__qualname__} is not registered for a model, "
            "so it shows no card.",
            hint="Put @register(YourModel) above the class.",
            obj=cls,
            id="liveactivity.W012",
        )


def _check_activity(activity: AnyActivity) -> Iterator[checks.CheckMessage]:
    alias = activity.account
    account = conf.find_stand_in(alias)
    if account is None:
        yield checks.Error(
            f"{activity.name}.account is {alias!r}, which LIVEACTIVITY does not have.",
            obj=type(activity),
            id="liveactivity.E010",
        )
        return
    written, stored = router.db_for_write(activity.model), account.database
    if written != stored:
        yield checks.Error(
            f"{activity.model._meta.label} is written to the database {written!r}, and the account "
            f"{alias!r} of {activity.name} lives in {stored!r}: they cannot commit together.",
            hint="Give the ModelActivity an account whose DATABASE is the model's.",
            obj=type(activity),
            id="liveactivity.E008",
        )


def check_subject_scope(**_: object) -> list[checks.CheckMessage]:
    """Check that the function that tells tenants apart can be found; it is not called.

    * ``liveactivity.E014``: ``LIVEACTIVITY_SUBJECT_SCOPE`` names no function.
    """
    try:
        conf.scope_function()
    except ImproperlyConfigured as error:
        return [checks.Error(str(error), id="liveactivity.E014")]
    return []


def check_tenants(**_: object) -> Iterator[checks.CheckMessage]:
    """Check a project that keeps each tenant in a schema of its own, with django-tenants.

    * ``liveactivity.E015``: this app is one of the tenants' apps.
    * ``liveactivity.E016``: a model of the tenants is followed, and nothing tells tenants apart.
    """
    if not apps.is_installed("django_tenants"):
        return
    tenant_apps = set(_tenant_apps())
    if any(_is_ours(entry) for entry in tenant_apps):
        yield checks.Error(
            "django_liveactivity is among the apps of tenants: each schema would have tables of "
            "its own, and a worker reads only the public schema, so nothing would be delivered.",
            hint="Take it out of TENANT_APPS and put it into SHARED_APPS.",
            id="liveactivity.E015",
        )
    if not getattr(settings, "LIVEACTIVITY_SUBJECT_SCOPE", None):
        yield from _followed_without_scope(tenant_apps)


def _tenant_apps() -> Iterator[str]:
    """Yield the apps whose tables are in the schemas of tenants, as the settings name them."""
    if not getattr(settings, "HAS_MULTI_TYPE_TENANTS", False):
        yield from getattr(settings, "TENANT_APPS", ())
        return
    public = getattr(settings, "PUBLIC_SCHEMA_NAME", "public")
    for name, tenant_type in getattr(settings, "TENANT_TYPES", {}).items():
        if name != public:
            yield from tenant_type.get("APPS", ())


def _is_ours(entry: str) -> bool:
    """Tell whether an entry is this app, or its AppConfig."""
    return entry == OURS or entry.startswith(f"{OURS}.")


def _followed_without_scope(tenant_apps: set[str]) -> Iterator[checks.CheckMessage]:
    for activity in registered():
        app = apps.get_app_config(activity.model._meta.app_label)
        names = {app.name, f"{type(app).__module__}.{type(app).__qualname__}"}
        if names & tenant_apps:
            yield checks.Error(
                f"{activity.name} follows {activity.model._meta.label}, of which each tenant has a "
                "table: another tenant's object with the same primary key would end its card.",
                hint="Name a function that returns connection.schema_name in "
                "LIVEACTIVITY_SUBJECT_SCOPE.",
                obj=type(activity),
                id="liveactivity.E016",
            )
