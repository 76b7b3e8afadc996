"""Columns for any text: what their character set lacks is escaped; they compare byte for byte.

A database of MariaDB or MySQL may hold tables in ``utf8mb3``, without emoji, or in ``latin1``; an
INSERT of more would fail, and the host's transaction with it.
"""

import functools
import re
from collections.abc import Sequence
from typing import Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Func
from django.db.models.sql.compiler import SQLCompiler

ALL = frozenset({"utf8mb4", "utf16", "utf16le", "utf32"})
WITHOUT_EMOJI = frozenset({"utf8", "utf8mb3", "ucs2"})
ESCAPED = re.compile(r"\\U([0-9a-f]{8})")


def storable(field: "models.Field[str, str]", using: str, text: str) -> str:
    r"""Return a text in characters that a column can hold; it may have become longer.

    Args:
        field: the column, of any model.
        using: the alias of its database.
        text: what is to be stored; each character that the column's character set lacks becomes
            ``\U`` and its code in 8 hexadecimal digits.
    """
    if text.isascii() or connections[using].vendor != "mysql":
        return text
    name = str(connections[using].settings_dict["NAME"])
    largest = _largest_character(using, name, field.model._meta.db_table, field.column)
    if ord(max(text)) <= largest:
        return text
    return "".join(c if ord(c) <= largest else f"\\U{ord(c):08x}" for c in text)


@functools.cache
def _largest_character(using: str, name: str, table: str, column: str) -> int:  # noqa: ARG001
    """Return the greatest code of a character that a column and the connection to it take."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT character_set_name, @@character_set_client FROM information_schema.columns "
            "WHERE table_schema = DATABASE() AND table_name = %s AND column_name = %s",
            [table, column],
        )
        sets = set(cursor.fetchone() or ())
    if sets <= ALL:
        return 0x10FFFF
    return 0xFFFF if sets <= ALL | WITHOUT_EMOJI else 0x7F


class _AnyText(models.Field):  # type: ignore[type-arg]
    def deconstruct(self) -> tuple[str, str, Sequence[object], dict[str, object]]:
        """Return Django's own field: the column is the same."""
        name, _, args, kwargs = super().deconstruct()
        return name, f"django.db.models.{self.get_internal_type()}", args, kwargs

    def get_db_prep_value(
        self, value: object, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> object:
        """Escape what the column cannot hold, in an INSERT as in a look-up."""
        value = super().get_db_prep_value(value, connection, prepared)
        if not isinstance(value, str) or value.isascii():
            return value
        return storable(self, connection.alias, value)[: self.max_length]

    def from_db_value(
        self,
        value: object,
        expression: object,  # noqa: ARG002 - Django's signature
        connection: BaseDatabaseWrapper,
    ) -> object:
        """Restore what was escaped."""
        if connection.vendor != "mysql" or not isinstance(value, str) or "\\U" not in value:
            return value
        return ESCAPED.sub(_character, value)


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return chr(code) if 0x7F < code <= 0x10FFFF else match[0]


class AnyCharField(_AnyText, models.CharField):  # type: ignore[type-arg]
    """A CharField that takes every character, whatever the character set of its column."""


class AnyTextField(_AnyText, models.TextField):  # type: ignore[type-arg]
    """A TextField that takes every character, whatever the character set of its column."""


class SameBytes(Func):
    """Whether two texts have the same bytes; put a plain equality beside it, which has an index.

    MariaDB's default collation takes ``a`` for ``A`` and ignores spaces at the end.
    """

    output_field = BooleanField()
    arity = 2
    template = "(%(expressions)s)"
    arg_joiner = " = "

    def as_mysql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, Sequence[Any]]:
        """MariaDB and MySQL: bytes have no collation."""
        template = "(BINARY %(expressions)s)"
        return self.as_sql(compiler, connection, template=template, **context)
