"""Writing a great many rows, past all that works row by row: COPY on PostgreSQL, a prepared insert on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import repeat
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from models.storage import EPOCH, Flag, Instant, Key, table_of


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table, to be written.

    Attributes:
        columns: Names of the values in each row.
        same: Further columns that have the same value in all rows.
    """

    model: type[SQLModel]
    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]
    same: Mapping[str, Any]


class Loader:
    """Inserts rows within the transaction of a connection.

    Values are given as SQLite keeps them, whatever the database: keys as 16 bytes, moments as microseconds since 1970,
    members of closed sets and flags as numbers, lists and mappings as JSON.
    """

    def __init__(self, connection: AsyncConnection, driver: Any) -> None:
        self._driver = driver
        self._sqlite = connection.dialect.name == "sqlite"
        self._quote = connection.dialect.identifier_preparer.quote

    @classmethod
    async def of(cls, connection: AsyncConnection) -> Loader:
        """A loader on a connection whose transaction has begun, with a statement."""
        raw = await connection.get_raw_connection()
        return cls(connection, raw.driver_connection)

    async def load(
        self, model: type[SQLModel], columns: Sequence[str], rows: Sequence[tuple[Any, ...]], **same: Any
    ) -> None:
        """Insert rows.

        Args:
            columns: Names of the values in each row.
            same: Further columns that have the same value in all rows.
        """
        if not rows:
            return
        table = table_of(model)
        names = (*columns, *same)
        if self._sqlite:
            listed = ", ".join(self._quote(name) for name in names)
            sql = f"INSERT INTO {table.name} ({listed}) VALUES ({', '.join('?' * len(names))})"
            tail = tuple(same.values())
            await self._driver.executemany(sql, [row + tail for row in rows])
            return
        forms = [_form(table.c[name].type) for name in columns]
        values = [
            each if form is None else map(form, each) for form, each in zip(forms, zip(*rows, strict=True), strict=True)
        ]
        constants = [repeat((_form(table.c[name].type) or _as_it_is)(value)) for name, value in same.items()]
        await self._driver.copy_records_to_table(
            table.name, columns=names, records=list(zip(*values, *constants, strict=False))
        )


def _as_it_is(value: Any) -> Any:
    return value


def _form(type_: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """What makes the value that asyncpg wants of one that SQLite keeps; None where they are the same."""
    if isinstance(type_, Key):
        from asyncpg.pgproto.pgproto import UUID as RawKey

        return lambda value: None if value is None else RawKey(value)
    if isinstance(type_, Instant):
        return lambda value: None if value is None else EPOCH + timedelta(microseconds=value)
    if isinstance(type_, Flag):
        return bool
    return None
