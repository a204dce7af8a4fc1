"""What every repository is: bound to a connection, an organization, and what the caller sees."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import cache, partial
from itertools import chain
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from models.storage import table_of
from repositories.among import NotByIndex
from repositories.sight import Sight

MANY_ROWS, AT_ONCE = 200, 50  # from how many rows on SQLite takes some together, and how many

Write = Callable[[], Awaitable[None]]  # writes what is ready for the database


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
        """The same, of rows that are named: SQLite, which does not know how many there are, would read all of ours."""
        return NotByIndex(table_of(model).c.organization_id) == self._organization_id

    async def _insert(
        self, model: type[SQLModel], rows: Sequence[Mapping[str, Any]], *, anew: Collection[str] = ()
    ) -> None:
        """Add rows; see `_insertion`."""
        await self._insertion(model, rows, anew=anew)()

    def _insertion(
        self, model: type[SQLModel], rows: Sequence[Mapping[str, Any]], *, anew: Collection[str] = ()
    ) -> Write:
        """What adds rows, in one statement and in their order; the organization is filled in.

        Written past SQLAlchemy's handling of single parameters, which would take longer than the database does. The
        values are ready for the database when this returns, which may be at something else meanwhile.

        Args:
            rows: All with the same columns.
            anew: Columns to write anew in rows that are there already, by their `id`.
        """
        if not rows:
            return partial(self._executed, [])
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
        names = tuple(given)
        statement = lambda at_once: _inserting(table, names, tuple(anew), dialect.name, at_once)  # noqa: E731
        return self._writing(statement, list(given.values()))

    def _writing(self, statement: Callable[[int], str], columns: Sequence[list[Any]]) -> Write:
        """What gives a statement its values: in an array for each column, and on SQLite row by row.

        Where there are very many rows there, some together take two thirds of the time of one after the other.

        Args:
            statement: That which takes so many rows at once.
        """
        if self._connection.dialect.name != "sqlite":
            return partial(self._executed, [(statement(1), tuple(columns))])
        rows = list(zip(*columns, strict=True))
        together = len(rows) // AT_ONCE * AT_ONCE if len(rows) >= MANY_ROWS else 0
        writes: list[tuple[str, Any]] = []
        if together:
            parts = (rows[start : start + AT_ONCE] for start in range(0, together, AT_ONCE))
            writes.append((statement(AT_ONCE), [tuple(chain.from_iterable(part)) for part in parts]))
        if rows[together:]:
            writes.append((statement(1), rows[together:]))
        return partial(self._executed, writes)

    async def _executed(self, writes: Sequence[tuple[str, Any]]) -> None:
        for statement, values in writes:
            await self._connection.exec_driver_sql(statement, values)


def _default(column: Column[Any]) -> Any:
    default: Any = column.default
    return default.arg(None) if default.is_callable else default.arg


@cache
def _inserting(table: Table, names: tuple[str, ...], anew: tuple[str, ...], dialect: str, rows: int) -> str:
    """The statement that adds so many rows on SQLite, or any number in arrays."""
    columns = ", ".join(f'"{name}"' for name in names)
    if dialect == "sqlite":
        source = "VALUES " + ", ".join([f"({', '.join('?' * len(names))})"] * rows)
    else:
        source = f"SELECT {_cast(table, names)} FROM {_arrays(table, names)} ORDER BY place"
    statement = f"INSERT INTO {table.name} ({columns}) {source}"
    if anew:
        values = ", ".join(f'"{name}" = excluded."{name}"' for name in anew)
        statement += f" ON CONFLICT (id) DO UPDATE SET {values}"
    return statement


def _cast(table: Table, names: tuple[str, ...]) -> str:
    """The columns of `_arrays` as the table has them."""
    return ", ".join(f'given."{name}"{"::jsonb" if _type(table, name) == "JSONB" else ""}' for name in names)


def _arrays(table: Table, names: tuple[str, ...]) -> str:
    """The values of so many columns as a table, in their order by its column `place`."""
    types = ("text" if _type(table, name) == "JSONB" else _type(table, name) for name in names)
    arrays = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(types, 1))
    columns = ", ".join(f'"{name}"' for name in names)
    return f"unnest({arrays}) WITH ORDINALITY AS given ({columns}, place)"


def _type(table: Table, name: str) -> str:
    """The type of a column on PostgreSQL."""
    return str(table.c[name].type.dialect_impl(_POSTGRESQL).compile(_POSTGRESQL)).partition(" COLLATE ")[0]


_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]
