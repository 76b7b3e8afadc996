"""How commands name things on the command line."""

from __future__ import annotations

import getpass
import os
import sys
from argparse import ArgumentTypeError

from django.apps import apps
from django.core.management.base import CommandError

from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import Subject
from django_liveactivity.printable import printable


def subject_argument(text: str) -> Subject:
    """Return the object that ``--subject`` names; it may be deleted by now."""
    model, colon, pk = text.partition(":")
    if not colon:
        raise ArgumentTypeError(f"{printable(text)!r}: write it as shop.Order:42")
    try:
        return Subject.named(apps.get_model(model), pk)
    except (LookupError, ValueError, InvalidInputError) as error:
        raise ArgumentTypeError(f"{printable(text)!r}: {printable(error)}") from error


def operator_name() -> str:
    """Return the name of the user who runs this, or the number: a container's may have no name."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return str(os.getuid()) if hasattr(os, "getuid") else ""


def confirm(question: str) -> None:
    """Ask on the terminal; raise CommandError unless the answer is yes."""
    if not sys.stdin.isatty():
        raise CommandError(f"{question} Give --yes, as there is no terminal to ask on.")
    if input(f"{question} [yes/no] ").strip().lower() not in ("y", "yes"):
        raise CommandError("Nothing was done.")
