"""Rows that are named: however many there are, in one value, and looked up by it whatever else is asked of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    CompoundSelect,
    Dialect,
    LargeBinary,
    Select,
    TypeDecorator,
    Uuid,
    bindparam,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeEngine


class NotByIndex(ColumnElement[Any]):
    """A column by which SQLite is not to look rows up; elsewhere the column."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        self.column = column
        self.type = column.type

    _traverse_internals = [("column", InternalTraversal.dp_clauseelement)]


@compiles(NotByIndex)
def _as_it_is(element: NotByIndex, compiler: Any, **how: Any) -> str:
    return str(compiler.process(element.column, **how))


@compiles(NotByIndex, "sqlite")
def _with_a_plus(element: NotByIndex, compiler: Any, **how: Any) -> str:
    return f"+{compiler.process(element.column, **how)}"


class Keys(TypeDecorator[Any]):
    """Many keys in one value: one after the other on SQLite, an array elsewhere."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(LargeBinary() if dialect.name == "sqlite" else postgresql.ARRAY(Uuid()))

    def bind_processor(self, dialect: Dialect) -> Any:
        return (lambda keys: b"".join([key.bytes for key in keys])) if dialect.name == "sqlite" else None


class Among(ColumnElement[bool]):
    """Whether a key is one of many, given in one value: thousands of parameters take longer than what they ask for."""

    inherit_cache = True
    _traverse_internals = [
        ("column", InternalTraversal.dp_clauseelement),
        ("keys", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, column: ColumnElement[Any], keys: Collection[UUID]) -> None:
        self.column = column
        self.keys: Any = bindparam(None, list(keys), type_=Keys(), unique=True)
        self.type = Boolean()

    def self_group(self, against: Any = None) -> Among:
        """As it is: compared with true, it would not be looked up in an index."""
        return self


class AmongFound(ColumnElement[bool]):
    """Whether a key is one of those that are selected, once and for all.

    On PostgreSQL they are an array: a row that was waited for is looked at again, and must not be compared with what is
    joined to it, of which there may be nothing then.
    """

    inherit_cache = True
    _traverse_internals = [
        ("column", InternalTraversal.dp_clauseelement),
        ("found", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, column: ColumnElement[Any], keys: Select[Any] | CompoundSelect[Any]) -> None:
        self.column = column
        self.found = keys.scalar_subquery()
        self.type = Boolean()

    def self_group(self, against: Any = None) -> AmongFound:
        """As it is, like `Among`."""
        return self


def among(
    column: ColumnElement[Any], keys: Collection[UUID] | Select[Any] | CompoundSelect[Any]
) -> ColumnElement[bool]:
    """Whether a key is one of many, or one of those that are selected."""
    return AmongFound(column, keys) if isinstance(keys, Select | CompoundSelect) else Among(column, keys)


@compiles(AmongFound)
def _any_found(element: AmongFound, compiler: Any, **how: Any) -> str:
    return f"{compiler.process(element.column, **how)} = ANY (ARRAY{compiler.process(element.found, **how)})"


@compiles(AmongFound, "sqlite")
def _in_found(element: AmongFound, compiler: Any, **how: Any) -> str:
    return f"{compiler.process(element.column, **how)} IN {compiler.process(element.found, **how)}"


@compiles(Among)
def _any_of(element: Among, compiler: Any, **how: Any) -> str:
    return f"{compiler.process(element.column, **how)} = ANY ({compiler.process(element.keys, **how)})"


@compiles(Among, "sqlite")
def _one_of(element: Among, compiler: Any, **how: Any) -> str:
    column, keys = compiler.process(element.column, **how), compiler.process(element.keys, **how)
    again = compiler.process(element.keys, **how)
    return (
        f"{column} IN (WITH RECURSIVE given (place) AS (VALUES (1) UNION ALL SELECT place + 16 FROM given "
        f"WHERE place + 16 < length({keys})) SELECT substr({again}, place, 16) FROM given)"
    )
