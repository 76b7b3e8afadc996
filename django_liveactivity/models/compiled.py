"""Statements whose SQL Django writes once.

Writing a statement costs more than running it: see ``python -m tests.benchmarks.throughput``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Generic, TypeVar, TypeVarTuple

from django.db import connections, transaction
from django.db.models import BigIntegerField, F, Field, Func, Model, QuerySet, Value
from django.db.models.expressions import CombinedExpression, RawSQL
from django.db.models.sql import UpdateQuery

M = TypeVar("M", bound=Model)
Shape = TypeVarTuple("Shape")
Statement = tuple[str, tuple[object, ...]]
"""SQL and its parameters, some of which are a ``Param``."""
Converters = dict[int, tuple[Sequence[Callable[..., Any]], Any]]


class Param(str):
    """A placeholder in a queryset for a text that each run gives, by this name."""

    __slots__ = ()


def integer_param(name: str) -> RawSQL:
    """Return a placeholder in a queryset for an integer that each run gives, by this name."""
    return RawSQL("%s", [Param(name)], BigIntegerField())


def run(
    build: Callable[[str, *Shape], QuerySet[M, M]],
    using: str,
    *shape: *Shape,
    **given: str | int,
) -> list[M]:
    """Return the rows of a queryset that was written before, as the queryset returns them.

    Args:
        build: returns the queryset for a database alias, with a ``Param`` for each text and an
            ``integer_param`` for each integer.
        using: the database alias.
        *shape: what else *build* takes: a few values, for each of which the SQL is written once.
        **given: the texts and numbers, by their names.
    """
    query = _query(build, using, connections[using].vendor, *shape)
    return [query.instance(row, using) for row in _rows(query, using, given)]


def tuples(
    build: Callable[[str, *Shape], QuerySet[M, Any]],
    using: str,
    *shape: *Shape,
    **given: str | int,
) -> list[tuple[Any, ...]]:
    """Return the columns of such rows as the database gives them: texts and numbers."""
    return _rows(_query(build, using, connections[using].vendor, *shape), using, given)


def update(
    model: type[Model], using: str, where: Mapping[str, object], changes: Mapping[str, object]
) -> int:
    """UPDATE rows as ``filter(**where).update(**changes)`` does, and return how many.

    The SQL is written once for each form of the statement: which columns and expressions, and how
    long each list is.

    Args:
        model: the table.
        using: the database alias.
        where: lookups, with numbers, texts, lists of them, or expressions.
        changes: columns, with values or expressions.

    Raises:
        TypeError: an expression holds more than columns, values, arithmetic and functions.
    """
    connection, given = connections[using], list[object]()
    lookups = tuple((name, _form_of_lookup(value, given)) for name, value in where.items())
    columns = []
    for name, value in changes.items():
        columns.append((name, _form(value, given)))
        if columns[-1][1] is Param:
            field: Field[Any, Any] = model._meta.get_field(name)  # type: ignore[assignment]
            given[-1] = field.get_db_prep_save(value, connection)
    statement = _update(model, using, connection.vendor, lookups, tuple(columns))
    with transaction.mark_for_rollback_on_error(using=using), connection.cursor() as cursor:
        cursor.execute(*_filled(statement, {str(n): value for n, value in enumerate(given)}))
        changed: int = cursor.rowcount
        return changed


@dataclass(frozen=True)
class _Query(Generic[M]):
    """A SELECT that was written, and where its rows have what.

    Args:
        model: the table.
        statement: the SQL.
        columns: the positions of the model's columns, and the attributes that hold them.
        annotations: the position of each annotation.
        converters: what Django does to the value at a position, if anything.
    """

    model: type[M]
    statement: Statement
    columns: tuple[slice, list[str]]
    annotations: Mapping[str, int]
    converters: Converters

    def instance(self, row: Sequence[Any], using: str) -> M:
        """Return the instance of a row, as ``django.db.models.query.ModelIterable`` makes it."""
        values = list(row)
        for position, (functions, expression) in self.converters.items():
            for convert in functions:
                values[position] = convert(values[position], expression, connections[using])
        places, names = self.columns
        made = self.model.from_db(using, names, values[places])
        for name, position in self.annotations.items():
            setattr(made, name, values[position])
        return made


def _rows(query: _Query[Any], using: str, given: Mapping[str, object]) -> list[tuple[Any, ...]]:
    with connections[using].cursor() as cursor:
        cursor.execute(*_filled(query.statement, given))
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def _filled(statement: Statement, given: Mapping[str, object]) -> tuple[str, list[Any]]:
    sql, parameters = statement
    return sql, [given[p] if isinstance(p, Param) else p for p in parameters]


@functools.cache
def _query(
    build: Callable[[str, *Shape], QuerySet[M, Any]],
    using: str,
    vendor: str,  # noqa: ARG001 - an alias may lead elsewhere in the next test
    *shape: *Shape,
) -> _Query[M]:
    rows = build(using, *shape)
    compiler: Any = rows.query.get_compiler(using)
    sql, parameters = compiler.as_sql()
    selected = [column for column, *_ in compiler.select]
    places = slice(0)
    if compiler.klass_info:
        fields = compiler.klass_info["select_fields"]
        places = slice(fields[0], fields[-1] + 1)
    return _Query(
        rows.model,
        (sql, tuple(parameters)),
        (places, [column.target.attname for column in selected[places]]),
        compiler.annotation_col_map or {},
        compiler.get_converters(selected),
    )


def _form_of_lookup(value: object, given: list[object]) -> Hashable:
    if not isinstance(value, list | tuple):
        return _form(value, given)
    given += value
    return list, len(value)


def _form(value: object, given: list[object]) -> Hashable:
    """Return a value without its numbers and texts, which are added to *given*.

    ``Param`` replaces one of them; a tuple, which begins with a class, an expression of several.
    """
    match value:
        case None:
            return None
        case Value():
            return _form(value.value, given)
        case F():
            return F, value.name  # type: ignore[attr-defined]
        case CombinedExpression():
            parts = value.lhs, value.rhs
            return CombinedExpression, value.connector, *(_form(part, given) for part in parts)
        case Func():
            return type(value), *(_form(part, given) for part in value.get_source_expressions())
        case _ if hasattr(value, "resolve_expression"):
            raise TypeError(f"{type(value).__name__} cannot be written once.")
    given.append(value)
    return Param


@functools.cache
def _update(
    model: type[Model],
    using: str,
    vendor: str,  # noqa: ARG001 - as above
    lookups: tuple[tuple[str, Hashable], ...],
    columns: tuple[tuple[str, Hashable], ...],
) -> Statement:
    numbers = count()
    where = {name: _expression(form, _column(model, name), numbers) for name, form in lookups}
    rows = model._base_manager.using(using).filter(**where)
    query: Any = rows.query.chain(UpdateQuery)
    query.add_update_values(
        {name: _expression(form, _column(model, name), numbers) for name, form in columns}
    )
    sql, parameters = query.get_compiler(using).as_sql()
    return sql, tuple(parameters)


def _column(model: type[Model], lookup: str) -> Field[Any, Any]:
    name = lookup.partition("__")[0]
    found: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
    column: Field[Any, Any] = found
    return column


def _expression(form: Any, column: Field[Any, Any], numbers: Iterator[int]) -> Any:
    """Return the value of a form, with a numbered parameter wherever a value was."""
    match form:
        case None:
            return None
        case _ if form is Param:
            return RawSQL("%s", [Param(next(numbers))], column)
        case (kind, name) if kind is F:
            return F(name)
        case (kind, length) if kind is list:
            return [_expression(Param, column, numbers) for _ in range(length)]
        case (kind, connector, left, right) if kind is CombinedExpression:
            first = _expression(left, column, numbers)
            return CombinedExpression(first, connector, _expression(right, column, numbers))
    function, *parts = form
    return function(*(_expression(part, column, numbers) for part in parts))
