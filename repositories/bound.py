"""What every repository is: bound to a connection, an organization, and what the caller sees."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal
from sqlmodel import SQLModel

from models.storage import table_of
from repositories.sight import Sight


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


class Bound:
    """A repository of one organization."""

    def __init__(self, connection: AsyncConnection, organization_id: UUID, sight: Sight) -> None:
        self._connection = connection
        self._organization_id = organization_id
        self._sight = sight

    def _ours(self, model: type[SQLModel]) -> ColumnElement[bool]:
        """The rows of this organization."""
        return table_of(model).c.organization_id == self._organization_id

    def _ours_too(self, model: type[SQLModel]) -> ColumnElement[bool]:
        """The same, of rows that are named: SQLite, which knows no numbers, would read the whole organization."""
        return NotByIndex(table_of(model).c.organization_id) == self._organization_id

    async def _insert(
        self, model: type[SQLModel], rows: Sequence[Mapping[str, Any]], *, anew: Collection[str] = ()
    ) -> None:
        """Add rows, in one statement and in their order; the organization is filled in.

        Written past SQLAlchemy's handling of single parameters, which would take longer than the database does.

        Args:
            rows: All with the same columns.
            anew: Columns to write anew in rows that are there already, by their `id`.
        """
        if not rows:
            return
        table, dialect = table_of(model), self._connection.dialect
        given = {name: list(map(itemgetter(name), rows)) for name in rows[0]}
        given.setdefault("organization_id", [self._organization_id] * len(rows))
        for column in table.c:
            if column.default is not None and column.name not in given:
                given[column.name] = [_default(column) for _ in rows]
        for name, values in given.items():
            process = table.c[name].type.bind_processor(dialect)
            if process is not None:
                given[name] = list(map(process, values))
        statement, many = _insertion(table, tuple(given), tuple(anew), dialect.name)
        columns = given.values()
        await self._connection.exec_driver_sql(statement, list(zip(*columns, strict=True)) if many else tuple(columns))


def _default(column: Column[Any]) -> Any:
    default: Any = column.default
    return default.arg(None) if default.is_callable else default.arg


@cache
def _insertion(table: Table, names: tuple[str, ...], anew: tuple[str, ...], dialect: str) -> tuple[str, bool]:
    """The statement that adds rows, and whether it takes them one by one, or all in an array for each column."""
    columns = ", ".join(f'"{name}"' for name in names)
    many = dialect == "sqlite"
    if many:
        rows = f"VALUES ({', '.join('?' * len(names))})"
    else:
        spelled = (table.c[name].type.dialect_impl(_POSTGRESQL).compile(_POSTGRESQL) for name in names)
        types = [kind.partition(" COLLATE ")[0] for kind in spelled]
        arrays = [f"${place}::{'text' if kind == 'JSONB' else kind}[]" for place, kind in enumerate(types, 1)]
        cast = [f'"{name}"{"::jsonb" if kind == "JSONB" else ""}' for name, kind in zip(names, types, strict=True)]
        rows = f"SELECT {', '.join(cast)} FROM unnest({', '.join(arrays)}) WITH ORDINALITY AS given ({columns}, place)"
        rows += " ORDER BY place"
    statement = f"INSERT INTO {table.name} ({columns}) {rows}"
    if anew:
        values = ", ".join(f'"{name}" = excluded."{name}"' for name in anew)
        statement += f" ON CONFLICT (id) DO UPDATE SET {values}"
    return statement, many


_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]
