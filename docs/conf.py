"""The configuration of Sphinx; ``nox -s docs`` builds these pages."""

from __future__ import annotations

from urllib.request import urlopen

import django
from django.conf import settings
from docutils.nodes import Element
from sphinx.application import Sphinx

from django_liveactivity import __version__

project = "django-liveactivity"
author = "django-liveactivity contributors"
copyright = author  # noqa: A001 - Sphinx's name
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.intersphinx", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = project
html_extra_path = ["llms.txt"]
nitpicky = True
myst_heading_anchors = 3

# The classes and functions are described by their docstrings. Models want a project.
settings.configure(INSTALLED_APPS=["django.contrib.contenttypes", "django_liveactivity"])
django.setup()
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
add_module_names = False
napoleon_use_ivar = True

# Other projects' names are links, and are checked, wherever their inventories can be read. Without
# a network the build must pass all the same: it leaves the names of those projects alone. Django
# REST framework has no inventory (MkDocs makes its pages), so pages link to it by address.
INVENTORIES = {
    "django": "https://docs.djangoproject.com/en/stable/",
    "celery": "https://docs.celeryq.dev/en/stable/",
    "python": "https://docs.python.org/3/",
}
# The names under which those projects document what the code imports from elsewhere.
PUBLIC_NAMES = {
    "Model": "django.db.models.Model",
    "django.db.models.base.Model": "django.db.models.Model",
    "ImproperlyConfigured": "django.core.exceptions.ImproperlyConfigured",
}


def is_there(inventory: str) -> bool:
    """Tell whether the inventory of a project can be read."""
    try:
        with urlopen(f"{inventory}objects.inv", timeout=5):  # noqa: S310 - an address above
            return True
    except OSError:
        return False


intersphinx_mapping = {n: (url, None) for n, url in INVENTORIES.items() if is_there(url)}
has_network = len(intersphinx_mapping) == len(INVENTORIES)
nitpick_ignore_regex = [
    ("py:class", r"django_liveactivity\..*"),  # rows and calls: described on their pages
    ("py:class", r"[A-Z]\w*"),  # names that exist for type checkers only, such as Unset
]
linkcheck_ignore = ["https://activitysmith.com/app/"]  # behind a login
if not has_network:
    suppress_warnings = ["myst.iref_missing"]
    nitpick_ignore_regex += [
        ("py:.*", r"(celery|collections|datetime|django|threading)\..*"),
        ("py:exc", "ImproperlyConfigured"),
    ]
    linkcheck_ignore += ["https?://"]


def use_public_name(_app: object, _env: object, node: Element, _content: Element) -> None:
    """Look a name up as the project that has it documents it."""
    node["reftarget"] = PUBLIC_NAMES.get(node["reftarget"], node["reftarget"])


def setup(app: Sphinx) -> None:
    """Connect what these pages need."""
    app.connect("missing-reference", use_public_name, priority=400)  # before intersphinx
