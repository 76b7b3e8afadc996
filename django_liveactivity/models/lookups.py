"""Texts compare byte for byte, also where the database's collation thinks otherwise."""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, Func


class SameBytes(Func):
    """Whether two texts have the same bytes; put a plain equality beside it, which has an index.

    MariaDB's default collation takes ``a`` for ``A`` and ignores spaces at the end.
    """

    output_field = BooleanField()
    arity = 2
    template = "(%(expressions)s)"
    arg_joiner = " = "

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """MariaDB and MySQL: bytes have no collation."""
        template = "(BINARY %(expressions)s)"
        return self.as_sql(compiler, connection, template=template, **context)
